/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Who holds which buffers: counts, charges, and whom a charge goes to when its bearer lets go. */
#include "base/string.h"
#include "buf/holder.h"

typedef unsigned long long ull;

/* ---- charges; locked ---- */

static void charge(struct dma_holder *h, uint64_t bytes)
{
	h->charged += bytes;
	if (h->charged > h->peak)
		h->peak = h->charged;
}

int holder_charge(struct dma_holder *h, uint64_t bytes)
{
	if (h->limit && (h->charged > h->limit || bytes > h->limit - h->charged))
		return -FH_EDQUOT;
	charge(h, bytes);
	return 0;
}

void holder_uncharge(struct dma_holder *h, uint64_t bytes)
{
	h->charged -= bytes;
}

/* ---- holds; locked ---- */

static struct dma_hold *hold_of(struct tree_node *n)
{
	return n ? (struct dma_hold *)((char *)n - offsetof(struct dma_hold, of_holder)) : NULL;
}

static struct dma_holder *holder_of(struct tree_node *n)
{
	return n ? (struct dma_holder *)((char *)n - offsetof(struct dma_holder, by_number)) : NULL;
}

static struct dma_hold *find(const struct dma_holder *h, const struct dma_buf *buf)
{
	return hold_of(tree_find(&h->holds, buf->ino));
}

static void enlist(struct dma_holder *h, struct dma_hold *hold, struct dma_buf *buf)
{
	struct buffer *b = buffer_of(buf);

	*hold = (struct dma_hold){.holder = h, .buf = get_dma_buf(buf), .count = 1};
	tree_insert(&h->holds, &hold->of_holder, buf->ino, 0);
	hold->prev_of_buffer = b->last_hold;
	if (b->last_hold)
		b->last_hold->next_of_buffer = hold;
	else
		b->holds = hold;
	b->last_hold = hold;
	b->nr_holds++;
	h->rss += buf->size;
}

static void unlist(struct dma_hold *hold)
{
	struct buffer *b = buffer_of(hold->buf);
	struct dma_hold *next = hold->next_of_buffer, *prev = hold->prev_of_buffer;

	if (next)
		next->prev_of_buffer = prev;
	else
		b->last_hold = prev;
	if (prev)
		prev->next_of_buffer = next;
	else
		b->holds = next;
	tree_remove(&hold->holder->holds, &hold->of_holder);
	b->nr_holds--;
	hold->holder->rss -= hold->buf->size;
}

/* The hold is over; the reference and the memory are the caller's. */
static void finish(struct dma_hold *hold)
{
	struct buffer *b = buffer_of(hold->buf);

	unlist(hold);
	if (b->charged != hold->holder)
		return;
	holder_uncharge(b->charged, b->pub.size);
	b->charged = b->holds ? b->holds->holder : NULL;
	if (b->charged)
		charge(b->charged, b->pub.size);
}

/* Not locked: with the last reference the buffer goes. */
static void bury(struct fh_machine *m, struct dma_hold *hold)
{
	dma_buf_put(hold->buf);
	machine_free(m, hold, sizeof(*hold));
}

static bool again(struct dma_holder *h, struct dma_buf *buf)
{
	struct dma_hold *hold = find(h, buf);

	if (hold)
		hold->count++;
	return hold;
}

bool holder_begin(struct dma_holder *h, struct dma_hold *hold, struct dma_buf *buf)
{
	bool found = again(h, buf);

	if (!found)
		enlist(h, hold, buf);
	if (buffer_of(buf)->charged)
		holder_uncharge(buffer_of(buf)->charged, buf->size);
	buffer_of(buf)->charged = h;
	return !found;
}

/* ---- the calls ---- */

int dma_holder_create(struct fh_machine *m, const char *name, int64_t pid,
		      struct dma_holder **holder)
{
	struct dma_holder *h;

	if (!m || !m->buf || !name || !holder)
		return -FH_EINVAL;
	h = machine_alloc(m, sizeof(*h));
	if (!h)
		return -FH_ENOMEM;
	h->m = m;
	h->pid = pid;
	fh_strcopy(h->name, name, sizeof(h->name));
	fh_lock(&m->buf->lock);
	tree_insert(&m->buf->holders, &h->by_number, ++m->buf->last_holder, 0);
	fh_unlock(&m->buf->lock);
	*holder = h;
	return 0;
}

void dma_holder_destroy(struct dma_holder *h)
{
	struct dma_hold *hold;
	struct fh_machine *m;

	if (!h)
		return;
	m = h->m;
	fh_lock(&m->buf->lock);
	tree_remove(&m->buf->holders, &h->by_number);
	while ((hold = hold_of(h->holds.root))) {
		finish(hold);
		fh_unlock(&m->buf->lock);
		bury(m, hold);
		fh_lock(&m->buf->lock);
	}
	fh_unlock(&m->buf->lock);
	machine_free(m, h, sizeof(*h));
}

void dma_holder_set_limit(struct dma_holder *h, uint64_t bytes)
{
	if (!h)
		return;
	fh_lock(&h->m->buf->lock);
	h->limit = bytes;
	fh_unlock(&h->m->buf->lock);
}

/* The first who holds a buffer that nobody was charged for is, whatever his limit: he has been given it. */
static void add(struct dma_holder *h, struct dma_hold *hold, struct dma_buf *buf)
{
	enlist(h, hold, buf);
	if (buffer_of(buf)->charged)
		return;
	buffer_of(buf)->charged = h;
	charge(h, buf->size);
}

int dma_holder_add(struct dma_holder *h, struct dma_buf *buf)
{
	struct dma_hold *hold;
	bool held;

	if (!h || !buf || h->m != buf->machine)
		return -FH_EINVAL;
	fh_lock(&h->m->buf->lock);
	held = again(h, buf);
	fh_unlock(&h->m->buf->lock);
	if (held)
		return 0;
	hold = machine_alloc(h->m, sizeof(*hold));
	if (!hold)
		return -FH_ENOMEM;
	fh_lock(&h->m->buf->lock);
	held = again(h, buf);
	if (!held)
		add(h, hold, buf);
	fh_unlock(&h->m->buf->lock);
	if (held)
		machine_free(h->m, hold, sizeof(*hold));
	return 0;
}

int dma_holder_drop(struct dma_holder *h, struct dma_buf *buf)
{
	struct dma_hold *hold;
	bool last;

	if (!h || !buf || h->m != buf->machine)
		return -FH_EINVAL;
	fh_lock(&h->m->buf->lock);
	hold = find(h, buf);
	last = hold && !--hold->count;
	if (last)
		finish(hold);
	fh_unlock(&h->m->buf->lock);
	if (last)
		bury(h->m, hold);
	return hold ? 0 : -FH_ENOENT;
}

bool dma_holder_has(struct dma_holder *h, struct dma_buf *buf)
{
	bool has;

	if (!h || !buf || h->m != buf->machine)
		return false;
	fh_lock(&h->m->buf->lock);
	has = find(h, buf);
	fh_unlock(&h->m->buf->lock);
	return has;
}

/* Stops at the most that there is. */
static void add_up(uint64_t *sum, uint64_t bytes)
{
	*sum = bytes > UINT64_MAX - *sum ? UINT64_MAX : *sum + bytes;
}

static void note_written(struct dma_hold *hold, uint64_t bytes, enum dma_written how)
{
	struct dma_holder *h = hold->holder;

	add_up(&hold->written, bytes);
	add_up(&h->written, bytes);
	add_up(&buffer_of(hold->buf)->written, bytes);
	if (how > hold->how)
		hold->how = how;
	if (how > h->how)
		h->how = how;
}

int dma_holder_wrote(struct dma_holder *h, struct dma_buf *buf, uint64_t bytes,
		     enum dma_written how, uint64_t *total)
{
	struct dma_hold *hold;

	if (!h || !buf || h->m != buf->machine || how > DMA_WRITTEN_WHOLE ||
	    (how == DMA_WRITTEN_UNKNOWN && bytes))
		return -FH_EINVAL;
	fh_lock(&h->m->buf->lock);
	hold = find(h, buf);
	if (hold)
		note_written(hold, bytes, how);
	if (hold && total)
		*total = hold->written;
	fh_unlock(&h->m->buf->lock);
	return hold ? 0 : -FH_ENOENT;
}

/* What it is shown to be; locked. */
static void show(const struct dma_holder *h, struct dma_holder_info *info)
{
	*info = (struct dma_holder_info){
		.pid = h->pid,
		.limit = h->limit,
		.charged = h->charged,
		.charged_peak = h->peak,
		.rss = h->rss,
		.buffers = h->holds.nr,
		.written = h->written,
		.how = h->how,
	};
	memcpy(info->name, h->name, sizeof(info->name));
	for (struct tree_node *n = tree_from(&h->holds, 0, 0); n; n = tree_next(n)) {
		const struct buffer *b = buffer_of(hold_of(n)->buf);

		info->pss += b->nr_holds > 1 ? b->pub.size / b->nr_holds : b->pub.size;
	}
}

bool dma_holder_get_info(struct dma_holder *h, struct dma_holder_info *info)
{
	if (!h || !info)
		return false;
	fh_lock(&h->m->buf->lock);
	show(h, info);
	fh_unlock(&h->m->buf->lock);
	return true;
}

bool dma_holder_nth(struct fh_machine *m, unsigned int n, struct dma_holder_info *info)
{
	struct tree_node *at;

	if (!m || !m->buf || !info)
		return false;
	fh_lock(&m->buf->lock);
	for (at = tree_from(&m->buf->holders, 0, 0); at && n; n--)
		at = tree_next(at);
	if (at)
		show(holder_of(at), info);
	fh_unlock(&m->buf->lock);
	return at;
}

bool holder_after(struct fh_machine *m, uint64_t *number, struct dma_holder_info *info)
{
	struct tree_node *at;

	fh_lock(&m->buf->lock);
	at = tree_from(&m->buf->holders, *number + 1, 0);
	if (at) {
		*number = at->key;
		show(holder_of(at), info);
	}
	fh_unlock(&m->buf->lock);
	return at;
}

/* ---- all of a machine ---- */

void holders_forget_all(struct fh_machine *m)
{
	while (m->buf->holders.root)
		dma_holder_destroy(holder_of(m->buf->holders.root));
}

static unsigned int check_holder(const struct dma_holder *h, struct fh_text *out)
{
	bool sound = tree_is_sound(&h->holds);
	uint64_t charged = 0, rss = 0, nr = 0, written = 0;

	for (struct tree_node *n = tree_from(&h->holds, 0, 0); n && sound; n = tree_next(n)) {
		const struct dma_hold *hold = hold_of(n);

		nr += n->key == hold->buf->ino && hold->holder == h;
		rss += hold->buf->size;
		if (buffer_of(hold->buf)->charged == h)
			charged += hold->buf->size;
		add_up(&written, hold->written);
	}
	if (written > h->written) {
		fh_text_add(out, "F6: holder %s has written %llu bytes, its holds %llu\n", h->name,
			    (ull)h->written, (ull)written);
		return 1;
	}
	if (charged == h->charged && rss == h->rss && nr == h->holds.nr && h->peak >= h->charged)
		return 0;
	fh_text_add(out,
		    "F3: holder %s: %llu bytes charged, %llu held in %llu buffers, counted %llu, "
		    "%llu, %llu\n",
		    h->name, (ull)charged, (ull)rss, (ull)nr, (ull)h->charged, (ull)h->rss,
		    (ull)h->holds.nr);
	return 1;
}

static unsigned int check_buffer(const struct buffer *b, struct fh_text *out)
{
	unsigned int nr = 0, wrong = 0, charged = 0;
	const struct dma_hold *last = NULL;
	uint64_t written = 0;

	for (const struct dma_hold *hold = b->holds; hold; hold = hold->next_of_buffer) {
		nr++;
		add_up(&written, hold->written);
		charged += hold->holder == b->charged;
		wrong += hold->buf != &b->pub || !hold->count || hold->prev_of_buffer != last ||
			 find(hold->holder, hold->buf) != hold;
		last = hold;
	}
	if (written > b->written) {
		fh_text_add(out, "F6: buffer %llu was written %llu bytes, by its holders %llu\n",
			    (ull)b->pub.ino, (ull)b->written, (ull)written);
		return 1;
	}
	if (last == b->last_hold && nr == b->nr_holds && charged == (nr ? 1 : 0) && !wrong &&
	    b->refs >= nr + b->nr_attachments && (nr || !b->charged))
		return 0;
	fh_text_add(out, "F3: buffer %llu: %u holders, counted %u, %u of them charged\n",
		    (ull)b->pub.ino, nr, b->nr_holds, charged);
	return 1;
}

unsigned int holders_check(struct fh_machine *m, struct fh_text *out)
{
	unsigned int broken = 0;

	if (!tree_is_sound(&m->buf->holders)) {
		fh_text_add(out, "F3: the holders are out of order\n");
		return 1;
	}
	for (struct tree_node *n = tree_from(&m->buf->holders, 0, 0); n; n = tree_next(n))
		broken += check_holder(holder_of(n), out);
	for (const struct buffer *b = m->buf->buffers; b; b = b->next)
		broken += check_buffer(b, out);
	return broken;
}
