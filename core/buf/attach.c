/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A device's share in a buffer: attachment, mapping, pin; and what a move tells it. */
#include "buf/dmabuf.h"

static bool is_dynamic(const struct dma_buf_attachment *att)
{
	return att->importer_ops != NULL;
}

/* ---- attach and detach ---- */

static int attach(struct dma_buf *buf, struct device *dev, const struct dma_buf_attach_ops *ops,
		  void *priv, struct dma_buf_attachment **att)
{
	struct dma_buf_attachment *a;
	struct buffer *b;
	int err;

	if (!buf || !dev || dev->machine != buf->machine || !att)
		return -FH_EINVAL;
	a = machine_alloc(buf->machine, sizeof(*a));
	if (!a)
		return -FH_ENOMEM;
	*a = (struct dma_buf_attachment){
		.dmabuf = buf, .dev = dev, .importer_ops = ops, .importer_priv = priv};
	err = buf->ops->attach ? buf->ops->attach(buf, a) : 0;
	if (err) {
		machine_free(buf->machine, a, sizeof(*a));
		return err;
	}
	b = buffer_of(get_dma_buf(buf));
	buffer_lock(buf);
	a->next = b->attachments;
	b->attachments = a;
	b->nr_attachments++;
	buffer_unlock(buf);
	*att = a;
	return 0;
}

int dma_buf_attach(struct dma_buf *buf, struct device *dev, struct dma_buf_attachment **att)
{
	return attach(buf, dev, NULL, NULL, att);
}

int dma_buf_dynamic_attach(struct dma_buf *buf, struct device *dev,
			   const struct dma_buf_attach_ops *ops, void *priv,
			   struct dma_buf_attachment **att)
{
	return ops && ops->move_notify ? attach(buf, dev, ops, priv, att) : -FH_EINVAL;
}

static void end_map(struct dma_buf_attachment *a)
{
	if (!a->sgt)
		return;
	a->dmabuf->ops->unmap_dma_buf(a, a->sgt, a->dir);
	a->sgt = NULL;
	a->maps = 0;
}

static int pin(struct dma_buf_attachment *a)
{
	int err = a->dmabuf->ops->pin ? a->dmabuf->ops->pin(a) : 0;

	if (err)
		return err;
	a->pins++;
	buffer_of(a->dmabuf)->pins++;
	return 0;
}

static void unpin(struct dma_buf_attachment *a)
{
	a->pins--;
	buffer_of(a->dmabuf)->pins--;
	if (a->dmabuf->ops->unpin)
		a->dmabuf->ops->unpin(a);
}

void dma_buf_detach(struct dma_buf *buf, struct dma_buf_attachment *a)
{
	struct dma_buf_attachment **at;
	struct buffer *b;

	if (!buf || !a || a->dmabuf != buf)
		return;
	b = buffer_of(buf);
	buffer_lock(buf);
	if ((a->maps || a->pins) && !b->leak_said) {
		b->leak_said = true;
		machine_log(buf->machine, PLAT_LOG_WARN,
			    "dma_buf: %s detaches buffer %llu while it has it mapped or pinned",
			    dev_name(a->dev), (unsigned long long)buf->ino);
	}
	end_map(a);
	while (a->pins)
		unpin(a);
	for (at = &b->attachments; *at != a; at = &(*at)->next)
		;
	*at = a->next;
	b->nr_attachments--;
	buffer_unlock(buf);
	if (buf->ops->detach)
		buf->ops->detach(buf, a);
	machine_free(buf->machine, a, sizeof(*a));
	dma_buf_put(buf);
}

int dma_buf_pin(struct dma_buf_attachment *att)
{
	return att && is_dynamic(att) ? pin(att) : -FH_EINVAL;
}

void dma_buf_unpin(struct dma_buf_attachment *att)
{
	if (att && is_dynamic(att) && att->pins)
		unpin(att);
}

/* ---- map ---- */

/* A static importer's memory stays where it is from its first map on, and what moved it before is done. */
static int settle(struct dma_buf_attachment *a)
{
	int err = pin(a);

	if (err)
		return err;
	err = dma_resv_wait(a->dmabuf->resv, DMA_RESV_USAGE_KERNEL, 0);
	if (err)
		unpin(a);
	return err;
}

int dma_buf_map_attachment(struct dma_buf_attachment *a, enum dma_data_direction dir,
			   struct sg_table **sgt)
{
	int err;

	if (!a || !sgt || dir >= DMA_NONE)
		return -FH_EINVAL;
	if (a->sgt && a->dir != dir)
		return -FH_EBUSY;
	if (!a->sgt) {
		err = is_dynamic(a) ? 0 : settle(a);
		if (err)
			return err;
		err = a->dmabuf->ops->map_dma_buf(a, dir, &a->sgt);
		if (err) {
			a->sgt = NULL;
			if (!is_dynamic(a))
				unpin(a);
			return err;
		}
		a->dir = dir;
	}
	a->maps++;
	*sgt = a->sgt;
	return 0;
}

void dma_buf_unmap_attachment(struct dma_buf_attachment *a, struct sg_table *sgt,
			      enum dma_data_direction dir)
{
	if (!a || !sgt || a->sgt != sgt || a->dir != dir || --a->maps)
		return;
	end_map(a);
	if (!is_dynamic(a))
		unpin(a);
}

int dma_buf_map_attachment_unlocked(struct dma_buf_attachment *a, enum dma_data_direction dir,
				    struct sg_table **sgt)
{
	int err;

	if (!a)
		return -FH_EINVAL;
	buffer_lock(a->dmabuf);
	err = dma_buf_map_attachment(a, dir, sgt);
	buffer_unlock(a->dmabuf);
	return err;
}

void dma_buf_unmap_attachment_unlocked(struct dma_buf_attachment *a, struct sg_table *sgt,
				       enum dma_data_direction dir)
{
	if (!a)
		return;
	buffer_lock(a->dmabuf);
	dma_buf_unmap_attachment(a, sgt, dir);
	buffer_unlock(a->dmabuf);
}

/* ---- moves ---- */

bool dma_buf_is_movable(struct dma_buf *buf)
{
	return buf && !buffer_of(buf)->pins;
}

void dma_buf_move_notify(struct dma_buf *buf)
{
	if (!buf)
		return;
	for (struct dma_buf_attachment *a = buffer_of(buf)->attachments; a; a = a->next) {
		if (!is_dynamic(a))
			continue;
		a->importer_ops->move_notify(a);
		end_map(a);
	}
}
