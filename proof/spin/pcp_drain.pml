/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * core/mm/pcp.c: the owner of a CPU's cache, against somebody who isolates the block and drains.
 *
 * One block of two frames, one slot. Every frame is in exactly one of map, mask, have (handed out)
 * and mine (claimed): never in two, never in none; once the block is isolated and drained no slot
 * is bound to it. The owner's store to `busy` waits in its store buffer (`pending`) until it drains
 * by itself or sync_cpus() has every CPU run a barrier.
 *
 * Spin must find these wrong:
 *	-DBROKEN=1	no barrier between `stop` and the look at `busy`
 *	-DBROKEN=2	whether the block is isolated is read before its lock is taken
 *	-DBROKEN=3	the drainer does not wait for `busy` to end
 */
#ifndef BROKEN
#define BROKEN 0
#endif

#define ALL 3
#define OPS 4 /* of the owner */

byte map = ALL, mask, have, mine;
bool block_lock, isolated, bound;
bool busy, pending, stop;
bool owner_done, drained;

inline lock_block()
{
	atomic { !block_lock -> block_lock = true }
}

inline unlock_block()
{
	block_lock = false
}

/* arch_cpu_enter(), then the look at stop. */
inline enter(in)
{
	pending = true;
	in = !stop;
	if
	:: !in -> leave()
	:: else
	fi
}

/* A release store: what is in the buffer goes out before it. */
inline leave()
{
	d_step { pending = false; busy = false }
}

inline lowest(from, bit)
{
	bit = (from & 1 -> 1 : 2)
}

inline hand_out(bit)
{
	assert(!(have & bit) && !(mine & bit));
	have = have | bit
}

/* pcp_refill(): all free frames of the block's word. */
inline refill()
{
#if BROKEN == 2
	seen = isolated;
	lock_block();
#else
	lock_block();
	seen = isolated;
#endif
	if
	:: !seen && map ->
		d_step { mask = map; map = 0; bound = true }
	:: else
	fi;
	unlock_block()
}

inline alloc_from_block()
{
	lock_block();
	if
	:: !isolated && map ->
		d_step {
			lowest(map, bit);
			map = map & (ALL - bit);
			hand_out(bit)
		}
	:: else
	fi;
	unlock_block()
}

inline alloc()
{
	enter(in);
	if
	:: in ->
		if
		:: !mask -> 
			if
			:: bound -> skip /* bound and empty: given back when drained */
			:: else -> refill()
			fi
		:: else
		fi;
		local = mask; /* not atomic: a load ... */
		if
		:: local ->
			lowest(local, bit);
			mask = local & (ALL - bit); /* ... and a store */
			d_step { hand_out(bit) };
			leave()
		:: else ->
			leave();
			alloc_from_block()
		fi
	:: else -> alloc_from_block()
	fi
}

inline free()
{
	lowest(have, bit);
	enter(in);
	if
	:: in && bound ->
		local = mask;
		assert(!(local & bit));
		d_step { mask = local | bit; have = have & (ALL - bit) };
		leave()
	:: else ->
		if
		:: in -> leave()
		:: else
		fi;
		lock_block();
		d_step {
			assert(!(map & bit));
			map = map | bit;
			have = have & (ALL - bit)
		};
		unlock_block()
	fi
}

active proctype owner()
{
	byte local, bit, n;
	bool in, seen;

	do
	:: n < OPS ->
		n++;
		if
		:: alloc()
		:: have -> free()
		fi
	:: n == OPS -> break
	od;
	owner_done = true
}

/* The owner's store buffer. */
active proctype buffer()
{
end:	do
	:: d_step { pending -> pending = false; busy = true }
	od
}

inline sync_cpus()
{
#if BROKEN != 1
	d_step {
		if
		:: pending -> pending = false; busy = true
		:: else
		fi
	}
#endif
}

inline drain()
{
	stop = true;
	sync_cpus();
#if BROKEN != 3
	!busy;
#endif
	if
	:: bound ->
		lock_block();
		d_step { assert(!(map & mask)); map = map | mask };
		d_step { mask = 0; bound = false };
		unlock_block()
	:: else
	fi;
	stop = false
}

inline sweep()
{
	lock_block();
	d_step {
		assert(!(mine & map));
		mine = mine | map;
		map = 0
	};
	unlock_block()
}

active proctype claimer()
{
	bool last;

	lock_block();
	isolated = true;
	unlock_block();
	/* `cached` of the block's state: whether there is anything to drain. */
	if
	:: bound -> drain()
	:: else
	fi;
	drained = true;
	do
	:: last = owner_done;
		assert(!bound);
		sweep();
		if
		:: last || mine == ALL -> break
		:: else
		fi
	od;
	assert(!bound);
	owner_done;
	assert((map | mask | have | mine) == ALL);
	assert((map & mask) == 0 && (map & have) == 0 && (map & mine) == 0);
	assert((mask & have) == 0 && (mask & mine) == 0 && (have & mine) == 0)
}
