/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * core/mm/budget.c: admission to the memory outside guaranteed areas (DESIGN G2).
 *
 * Two threads allocate and free, one makes droppable pages dirty or drops them, one claims and releases free frames
 * for a device. Nobody holds a lock over check and change: who wants more adds it to the account first, looks at the sum, and
 * takes it back if it is too much. What cannot be dropped and is no device's never exceeds the capacity.
 *
 * Spin must find these wrong:
 *	-DBROKEN=1	look at the account, then take
 *	-DBROKEN=2	the reservation goes before the frames are counted
 *	-DBROKEN=3	a claim by a device is first counted as a return to free memory
 *	-DBROKEN=4	used is summed up from the counters when it is asked for
 */
#ifndef BROKEN
#define BROKEN 0
#endif

#define FRAMES	 5
#define CAPACITY 3
#define ROUNDS	 2

byte nr_free = FRAMES, nr_droppable, nr_device;
short account;	 /* used, as far as counted, and what is about to be */

#define USED (FRAMES - nr_free - nr_droppable - nr_device)

inline admit(need)
{
#if BROKEN == 1
	sum = account;
	ok = (sum + need <= CAPACITY);
	account = account + need
#elif BROKEN == 4
	account = account + need; /* what is about to be, alone */
	sum = account;
	sum = sum + FRAMES - nr_droppable;
	sum = sum - nr_free;
	sum = sum - nr_device;
	ok = (sum <= CAPACITY)
#else
	atomic { account = account + need; sum = account };
	ok = (sum <= CAPACITY)
#endif
}

/* Frames leave or join free memory: under their block's lock, with their count. */
inline count(n)
{
#if BROKEN != 4
	account = account + n
#else
	skip
#endif
}

proctype allocator()
{
	byte n, got, need;
	short sum;
	bool ok;

	do
	:: n < ROUNDS ->
		n++;
		if
		:: need = 1
		:: need = 2
		fi;
		admit(need);
#if BROKEN == 2
		account = account - need;
#endif
		if
		:: ok ->
			atomic {
				if
				:: nr_free >= need -> nr_free = nr_free - need; got = got + need
				:: else -> ok = false
				fi;
				assert(USED <= CAPACITY)
			};
			if
			:: ok -> count(need)
			:: else
			fi
		:: else
		fi;
#if BROKEN != 2
		account = account - need;
#endif
		if
		:: got -> nr_free = nr_free + 1; count(-1); got--
		:: true
		fi
	:: n == ROUNDS -> break
	od
}

/* A clean file page takes its frame without asking, since it can be dropped; to get dirty it must ask. */
proctype dirtier()
{
	byte n;
	short sum;
	bool ok;

	do
	:: n < 1 ->
		n++;
		atomic {
			ok = nr_free > 0;
			if
			:: ok -> nr_free--; nr_droppable++
			:: else
			fi
		};
		if
		:: ok ->
			admit(1);
			if
			:: ok ->
				atomic { nr_droppable--; assert(USED <= CAPACITY) };
#if BROKEN == 4
				account = account - 1
#endif
			:: else ->
				account = account - 1;
				atomic { nr_droppable--; nr_free++ } /* it is dropped instead */
			fi
		:: else
		fi
	:: n == 1 -> break
	od
}

proctype device()
{
	byte n;
	bool ok;

	do
	:: n < 1 ->
		n++;
#if BROKEN == 3
		account = account - 1;
#endif
		atomic {
			ok = nr_free > 0;
			if
			:: ok -> nr_free--; nr_device++
			:: else
			fi
		};
#if BROKEN == 3
		account = account + 1;
#endif
		atomic {
			if
			:: ok -> nr_device--; nr_free++
			:: else
			fi
		}
	:: n == 1 -> break
	od
}

init
{
	atomic {
		run allocator();
		run allocator();
		run dirtier();
		run device()
	}
}
