/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The sleeping lock of reservations (core/buf/resv.c): wait-die, and a word that sleepers sleep on.
 *
 * Two reservations, three threads; thread t began t-th. Threads 0 and 1 want both, 1 in either order; thread 2 wants one of them
 * twice, or both. What happens under the small lock is one step. wait() compares the word and sleeps in one step, as a futex does; wake()
 * wakes all. A thread that never gets on is a state without an end, which the search reports.
 *
 *	spin -a resv.pml && cc -o pan pan.c && ./pan	no errors
 *	spin -a -DNO_DIE resv.pml ...			the younger one waits, too: two wait for each other
 *	spin -a -DNO_COUNT resv.pml ...			the word does not say which owner: one sleeps on an owner it should have given way to
 *	spin -a -DNO_WAITED resv.pml ...		who goes to sleep does not say so: nobody wakes it
 */
#define THREADS 3
#define NONE 9

#ifdef NO_DIE
#define GIVES_WAY(r, slow) false
#else
#define GIVES_WAY(r, slow) (owner[r] < me && !slow)
#endif
#ifdef NO_WAITED
#define SAYS false
#define SEES(r) true
#else
#define SAYS true
#define SEES(r) waited[r]
#endif
#ifdef NO_COUNT
#define ONCE 0
#else
#define ONCE 1
#endif

byte owner[2] = NONE;
bool waited[2];
byte times[2];		/* it was taken, modulo 8: no more than 8 times while one looks away */
bool asleep[6];		/* reservation * THREADS + thread */
byte done = 0;

inline wake(r) {
	asleep[r * THREADS] = false;
	asleep[r * THREADS + 1] = false;
	asleep[r * THREADS + 2] = false
}

inline take(r) {
	owner[r] = me;
	waited[r] = false;
	times[r] = (times[r] + ONCE) % 8
}

/* dies = true: an older one has it. `slow`: waits for that one, too. */
inline lock(r, slow) {
	do
	:: atomic {
		if
		:: owner[r] == NONE -> take(r); break
		:: owner[r] != NONE && GIVES_WAY(r, slow) -> dies = true; break
		:: owner[r] != NONE && !GIVES_WAY(r, slow) ->
			waited[r] = SAYS;
			seen = times[r]
		fi
	   }
	   atomic {
		if
		:: owner[r] != NONE && times[r] == seen && SEES(r) -> asleep[r * THREADS + me] = true
		:: else -> skip
		fi
	   }
	   !asleep[r * THREADS + me]
	od
}

inline unlock(r) {
	atomic {
		assert(owner[r] == me);
		owner[r] = NONE;
		was = waited[r];
		waited[r] = false
	}
	atomic {
		if
		:: was -> was = false; wake(r)
		:: else -> skip
		fi
	}
}

/* Who gives way gives all back, waits for the one it met, and begins again with that one. */
proctype thread(byte me; byte first) {
	byte seen, r, has;
	bool dies, was, slow;

	do
	:: atomic { has < 2 -> r = (first + has) % 2 }
		lock(r, slow);
		atomic {
			slow = dies;
			if
			:: dies && has == 1 -> r = first; first = 1 - first; has = 0
			:: dies && has == 0 -> dies = false
			:: else -> has++
			fi
		}
		if
		:: dies -> dies = false; unlock(r)
		:: else -> skip
		fi
	:: else -> break
	od;
	assert(owner[0] == me && owner[1] == me);
	unlock(0);
	unlock(1);
	done++
}

proctype single(byte me; byte r) {
	byte seen, n;
	bool dies, was;

	do
	:: n < 2 -> n++; lock(r, true); unlock(r)
	:: else -> break
	od;
	done++
}

init {
	atomic {
		run thread(0, 0);
		if
		:: run thread(1, 0)
		:: run thread(1, 1)
		fi;
		if
		:: run single(2, 0)
		:: run single(2, 1)
		:: run thread(2, 1)
		fi
	}
	done == THREADS
}
