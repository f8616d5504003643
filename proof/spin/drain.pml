/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A CPU's cache of frames, its owner, and a claim that isolates the block and drains it (core/mm/pcp.h).
 *
 * One block of two frames, one slot. The owner allocates, frees and refills; the claimer wants both frames.
 * `busy` is written through a store buffer, as on every machine: the owner may read `stop` before its store
 * of busy is seen. sync_cpus() empties the buffer.
 *
 *	spin -a drain.pml && cc -o pan pan.c && ./pan		no errors
 *	spin -a -DNO_BARRIER drain.pml ...			a frame is handed out twice
 *	spin -a -DTYPE_OUTSIDE drain.pml ...			the slot binds to an isolated block
 */
#define BOTH 3

byte map = BOTH;	/* free frames of the block */
byte mask = 0;		/* free frames in the slot */
bool bound = false;	/* the slot is bound to the block; cached in the state word */
bool isolated = false;
bool locked = false;	/* the block's lock bit */
byte user = 0;		/* frames the owner's callers have */
byte dev = 0;		/* frames the claim has */

bool busy = false, busy_stored = false; /* memory; what waits in the store buffer */
bool stop = false;
byte rounds = 0;

inline lock_block()   { atomic { !locked -> locked = true } }
inline unlock_block() { locked = false }

inline enter(ok) {
	busy_stored = true;
	if
	:: stop -> busy_stored = false; busy = false; ok = false
	:: else -> ok = true
	fi
}

inline leave() { atomic { busy_stored = false; busy = false } }

inline nobody_twice() {
	assert((map & mask) == 0 && (map & user) == 0 && (mask & user) == 0 && (dev & map) == 0 &&
	       (dev & mask) == 0 && (dev & user) == 0)
}

/* The store buffer empties when it likes. */
active proctype buffer() {
end:	do
	:: atomic { busy_stored && !busy -> busy = true }
	od
}

active proctype owner() {
	bool in, may;
	byte seen, one;

	do
	:: rounds < 4 ->
		rounds++;
		enter(in);
		if
		:: !in -> skip
		:: in && mask != 0 ->		/* allocate: not atomic */
			seen = mask;
			one = (seen & 1 -> 1 : 2);
			mask = seen & ~one;
			assert((user & one) == 0);
			user = user | one;
			leave()
		:: in && user != 0 && bound ->	/* free into the bound word */
			one = (user & 1 -> 1 : 2);
			user = user & ~one;
			seen = mask;
			mask = seen | one;
			leave()
		:: in && mask == 0 && !bound ->	/* refill */
#ifdef TYPE_OUTSIDE
			may = !isolated;
			lock_block();
#else
			lock_block();
			may = !isolated;
#endif
			if
			:: may && map != 0 -> mask = map; map = 0; bound = true
			:: else -> skip
			fi;
			unlock_block();
			leave()
		:: else -> leave()
		fi;
		if				/* a free that finds the slot unbound goes to the map */
		:: user != 0 && !bound ->
			one = (user & 1 -> 1 : 2);
			lock_block();
			user = user & ~one;
			map = map | one;
			unlock_block()
		:: true -> skip
		fi
	:: else -> break
	od
}

active proctype claimer() {
	byte seen;

	lock_block();
	isolated = true;
	unlock_block();
	if
	:: bound ->
		stop = true;
#ifndef NO_BARRIER
		atomic { busy = (busy_stored -> true : busy) } /* sync_cpus: the buffer is empty */
#endif
		(!busy);
		if
		:: bound ->
			seen = mask;
			lock_block();
			map = map | seen;
			mask = 0;
			bound = false;
			unlock_block()
		:: else -> skip
		fi;
		stop = false
	:: else -> skip
	fi;
	assert(!bound);		/* P2: nobody binds to an isolated block */
	lock_block();
	dev = map;
	map = 0;
	unlock_block();
	nobody_twice()
}
