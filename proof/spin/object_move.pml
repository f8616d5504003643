/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * core/mm/migrate.c and object.c: a page is moved while its object is written to, and destroyed.
 *
 * One page, two frames; a mover moves it to and fro, a writer writes under the object's lock, waits
 * by `moves` while the page is isolated, and destroys the object in the end. No wake-up is lost (no
 * state is stuck), nothing is written to the old frame after the switch, no byte is lost, and
 * nobody touches the object once it is gone.
 *
 * Spin must find these wrong:
 *	-DBROKEN=1	the mover looks for waiters before it counts the move
 *	-DBROKEN=2	the mover counts and wakes after it dropped the lock
 *	-DBROKEN=3	the writer does not look whether the page is isolated
 *	-DBROKEN=4	the waiter reads `moves` after it dropped the lock
 */
#ifndef BROKEN
#define BROKEN 0
#endif

#define WRITES 2
#define MOVES  2

mtype = { ON_LRU, ISOLATED, GONE };

mtype state = ON_LRU;
bool alive = true, object_lock;
byte slot;	      /* the frame, 0 or 1 */
byte bytes[2];	      /* what the frames hold */
byte written;	      /* what was written last */
byte moves, waiters;  /* of the object */
bool asleep;	      /* the writer, in plat->wait */

inline lock_object()
{
	atomic { assert(alive); !object_lock -> object_lock = true }
}

inline unlock_object()
{
	object_lock = false
}

/* plat->wait(): compares and sleeps in one step. */
inline sleep_while(value)
{
	atomic {
		if
		:: moves == value -> asleep = true
		:: else
		fi
	};
	!asleep
}

inline object_wait(seen)
{
	waiters++;
	do
	:: moves != seen -> break
	:: else -> sleep_while(seen)
	od;
	waiters--
}

inline object_wake()
{
	assert(alive);
#if BROKEN == 1
	any = waiters > 0;
	moves++;
#else
	moves++;
	any = waiters > 0;
#endif
	if
	:: any -> asleep = false
	:: else
	fi
}

/* lru_isolate(): under the lists' lock, and that alone. */
active proctype mover()
{
	byte n, dst, copy;
	bool any, ours;

	do
	:: n < MOVES ->
		n++;
		atomic {
			ours = (state == ON_LRU);
			if
			:: ours -> state = ISOLATED
			:: else
			fi
		};
		if
		:: !ours -> skip
		:: else ->
			lock_object(); /* no CPU can write through a mapping from here on */
			dst = 1 - slot;
			unlock_object();
			copy = bytes[1 - dst];
			bytes[dst] = copy;
			lock_object();
			slot = dst;
			state = ON_LRU;
#if BROKEN == 2
			unlock_object();
			object_wake()
#else
			object_wake();
			unlock_object()
#endif
		fi
	:: n == MOVES -> break
	od
}

/* Locks the object with the page not on the move. */
inline get_locked()
{
	do
	:: lock_object();
		if
#if BROKEN == 3
		:: true -> break
#else
		:: state != ISOLATED -> break
		:: else ->
#if BROKEN == 4
			unlock_object();
			seen = moves;
#else
			seen = moves;
			unlock_object();
#endif
			object_wait(seen)
#endif
		fi
	od
}

active proctype writer()
{
	byte n, seen;

	do
	:: n < WRITES ->
		n++;
		get_locked();
		/* The page may be isolated by now: whoever did must come by this lock. */
		bytes[slot] = n;
		written = n;
		unlock_object()
	:: n == WRITES -> break
	od;
	get_locked();
	assert(bytes[slot] == written);
	unlock_object();
	/* fh_object_destroy(): takes the page like a mover would, waits while it is one's. */
	do
	:: lock_object();
		atomic {
			if
			:: state == ON_LRU -> state = GONE
			:: else
			fi
		};
		seen = moves;
		unlock_object();
		if
		:: state == GONE -> break
		:: else -> object_wait(seen)
		fi
	od;
	alive = false
}
