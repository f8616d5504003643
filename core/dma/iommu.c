/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* dma/bus > [dma/iommu] > tables in RAM
 *
 * Domains: their making, what is mapped by hand, what a device's access finds, and the faults. */
#include "dma/iommu.h"
#include "base/string.h"
#include "dma/iommu_domain.h"

#define PROT_ALL (IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE | IOMMU_MMIO)

_Static_assert(IOPT_READ == IOMMU_READ << 2 && IOPT_WRITE == IOMMU_WRITE << 2 &&
		       IOPT_CACHE == IOMMU_CACHE << 2,
	       "protection is shifted into an entry");

static bool is_pages(uint64_t x)
{
	return !(x & (FH_PAGE_SIZE - 1));
}

/* ---- birth and end ---- */

static int check_options(const struct fh_machine *m, struct iommu_options *o)
{
	if (!m->dma || !m->plat.ram)
		return -FH_EINVAL;
	if (!o->aperture_start && !o->aperture_end)
		o->aperture_end = IOMMU_END - 1;
	if (!is_pages(o->aperture_start) || !is_pages(o->aperture_end + 1) ||
	    o->aperture_end <= o->aperture_start || o->aperture_end >= IOMMU_END)
		return -FH_EINVAL;
	if (!o->iotlb_entries)
		o->iotlb_entries = IOTLB_ENTRIES;
	if (o->iotlb_entries < IOTLB_WAYS || o->iotlb_entries > IOTLB_MAX_ENTRIES ||
	    o->iotlb_entries & (o->iotlb_entries - 1))
		return -FH_EINVAL;
	return 0;
}

static void unlist(struct iommu_domain *d)
{
	struct fh_machine *m = d->m;
	struct iommu_domain **p;

	fh_lock(&m->dma->domains_lock);
	for (p = &m->dma->domains; *p && *p != d; p = &(*p)->next)
		;
	if (*p)
		*p = d->next;
	fh_unlock(&m->dma->domains_lock);
}

static void list(struct iommu_domain *d)
{
	struct fh_machine *m = d->m;

	fh_lock(&m->dma->domains_lock);
	d->next = m->dma->domains;
	d->number = d->next ? d->next->number + 1 : 0;
	m->dma->domains = d;
	fh_unlock(&m->dma->domains_lock);
}

/* What there is of it. */
static void end(struct iommu_domain *d)
{
	struct fh_machine *m = d->m;

	iova_fini(&d->iova);
	iotlb_fini(&d->tlb);
	iopt_fini(&d->pt);
	machine_free(m, d->slot, (d->nr_cpus + 1) * sizeof(*d->slot));
	machine_free(m, d, sizeof(*d));
}

static int begin(struct iommu_domain *d, const struct iommu_options *o)
{
	int err;

	fh_lock_init(&d->log.lock, RANK_LEAF);
	d->slot = machine_alloc(d->m, (d->nr_cpus + 1) * sizeof(*d->slot));
	if (!d->slot)
		return -FH_ENOMEM;
	for (unsigned int i = 0; i <= d->nr_cpus; i++)
		fh_lock_init(&d->slot[i].lock, RANK_LEAF);
	err = iopt_init(&d->pt, d->m);
	if (!err)
		err = iotlb_init(&d->tlb, &d->pt, o->iotlb_entries);
	if (!err)
		err = iova_init(&d->iova, d->m, o->aperture_start >> FH_PAGE_SHIFT,
				(o->aperture_end + 1) >> FH_PAGE_SHIFT);
	return err;
}

int iommu_domain_create(struct fh_machine *m, const struct iommu_options *options,
			struct iommu_domain **domain)
{
	struct iommu_options o;
	struct iommu_domain *d;
	int err;

	if (!m || !options || !domain)
		return -FH_EINVAL;
	o = *options;
	err = check_options(m, &o);
	if (err)
		return err;
	d = machine_alloc(m, sizeof(*d));
	if (!d)
		return -FH_ENOMEM;
	d->m = m;
	d->strict = o.strict;
	d->nr_cpus = m->nr_cpus;
	err = begin(d, &o);
	if (err) {
		end(d);
		return err;
	}
	list(d);
	*domain = d;
	return 0;
}

void iommu_domain_destroy(struct iommu_domain *d)
{
	if (!d)
		return;
	unlist(d);
	end(d);
}

void iommu_start(struct fh_machine *m)
{
	fh_lock_init(&m->dma->domains_lock, RANK_SPACE);
}

void iommu_end(struct fh_machine *m)
{
	while (m->dma && m->dma->domains)
		iommu_domain_destroy(m->dma->domains);
}

void iommu_each(struct fh_machine *m,
		void (*fn)(void *arg, unsigned int number, struct iommu_domain *domain), void *arg)
{
	fh_lock(&m->dma->domains_lock);
	for (struct iommu_domain *d = m->dma->domains; d; d = d->next)
		fn(arg, d->number, d);
	fh_unlock(&m->dma->domains_lock);
}

/* ---- by hand ---- */

static bool in_space(uint64_t iova, uint64_t size)
{
	return size && is_pages(iova | size) && iova < IOMMU_END && size <= IOMMU_END - iova;
}

bool iommu_may_map(const struct fh_machine *m, uint64_t phys, uint64_t size, unsigned int prot)
{
	const struct range r = {phys >> FH_PAGE_SHIFT, (phys + size) >> FH_PAGE_SHIFT};

	if (prot & ~(unsigned int)PROT_ALL || !(prot & (IOMMU_READ | IOMMU_WRITE)))
		return false;
	if (prot & IOMMU_MMIO)
		return phys < IOPT_PHYS_END && size <= IOPT_PHYS_END - phys;
	return machine_in_bank(m, r);
}

int iommu_map(struct iommu_domain *d, dma_t iova, phys_t phys, uint64_t size, unsigned int prot)
{
	const struct iopt_run run = {iova.v, phys.v, size};
	const struct range pages = {iova.v >> FH_PAGE_SHIFT, (iova.v + size) >> FH_PAGE_SHIFT};
	int err;

	if (!d || !in_space(iova.v, size) || !is_pages(phys.v) || phys.v + size < phys.v ||
	    !iommu_may_map(d->m, phys.v, size, prot))
		return -FH_EINVAL;
	err = iova_reserve(&d->iova, pages);
	if (err == -FH_EEXIST) { /* it may only wait for a flush */
		iommu_flush(d);
		err = iova_reserve(&d->iova, pages);
	}
	if (!err)
		err = iopt_prepare(&d->pt, &run);
	if (!err)
		err = iopt_install(&d->pt, &run, iommu_leaf_flags(prot));
	if (!err) {
		iommu_count(d, iommu_slot(d), IOMMU_MAPS, 1);
		iommu_count(d, iommu_slot(d), IOMMU_MAPPED, size);
	}
	return err;
}

uint64_t iommu_unmap(struct iommu_domain *d, dma_t iova, uint64_t size)
{
	uint64_t done;

	if (!d || !in_space(iova.v, size))
		return 0;
	done = iopt_unmap(&d->pt, iova.v, size);
	if (done) {
		iotlb_drop(&d->tlb, iova.v, done);
		iommu_count(d, iommu_slot(d), IOMMU_FLUSHES, 1);
		iommu_count(d, iommu_slot(d), IOMMU_UNMAPS, 1);
		iommu_count(d, iommu_slot(d), IOMMU_MAPPED, -done);
	}
	return done;
}

bool iommu_iova_to_phys(struct iommu_domain *d, dma_t iova, phys_t *phys)
{
	unsigned int level;
	uint64_t entry;

	if (!d || !phys || iova.v >= IOMMU_END)
		return false;
	entry = iopt_walk(&d->pt, iova.v, &level);
	if (entry)
		*phys = (phys_t){iopt_phys(entry) + (iova.v & (iopt_span(level) - 1))};
	return entry;
}

/* ---- a device's access ---- */

/* FSR and FSYNR0 of an SMMU: bits that a driver prints. */
#define FSR_TF	   0x402 /* translation fault, format AArch64 */
#define FSR_PF	   0x408 /* permission fault */
#define FSYNR0_WNR 0x10	 /* a write */

/* Whether to print a line now; *missed: how many were not since the last. */
static bool log_allows(struct iommu_log *log, uint64_t now, uint64_t *missed)
{
	*missed = 0;
	if (!log->burst || now - log->burst_ns >= IOMMU_BURST_NS) {
		*missed = log->missed;
		log->burst_ns = now;
		log->burst = log->missed = 0;
	}
	if (log->burst == IOMMU_BURST) {
		log->missed++;
		return false;
	}
	log->burst++;
	return true;
}

static int fault(struct iommu_domain *d, const struct device *dev, struct iommu_fault f)
{
	struct iommu_log *log = &d->log;
	void (*fn)(void *arg, const struct iommu_fault *f);
	uint64_t missed;
	void *arg;
	bool say;

	f.time_ns = machine_clock(d->m);
	fh_snprintf(f.device, sizeof(f.device), "%s", dev_name(dev));
	fh_lock(&log->lock);
	log->fault[log->nr++ % IOMMU_FAULTS] = f;
	say = log_allows(log, f.time_ns, &missed);
	fn = log->fn;
	arg = log->arg;
	fh_unlock(&log->lock);
	if (missed)
		machine_log(d->m, PLAT_LOG_WARN, "iommu_fault: %llu callbacks suppressed",
			    (unsigned long long)missed);
	if (say)
		machine_log(d->m, PLAT_LOG_ERR,
			    "iommu %u: Unhandled context fault: fsr=%#x, iova=0x%08llx, fsynr=%#x, "
			    "cb=%u (%s: %s, %s)",
			    d->number, fh_streq(f.why, "not mapped") ? FSR_TF : FSR_PF,
			    (unsigned long long)f.iova.v, f.write ? FSYNR0_WNR : 0, d->number,
			    f.device, f.write ? "write" : "read", f.why);
	if (fn)
		fn(arg, &f);
	return -FH_EFAULT;
}

/* Whether a translation was unmapped and not flushed yet: looked at only while anything is. */
static bool is_stale(struct iommu_domain *d, uint64_t iova, const struct iotlb_hit *hit)
{
	unsigned int level;

	return atomic_load(&d->due_ns) && iopt_walk(&d->pt, iova, &level) != hit->entry;
}

static bool translate(struct iommu_domain *d, uint64_t iova, struct iotlb_hit *hit)
{
	struct iommu_slot *slot = iommu_slot(d);

	if (iova >= IOMMU_END)
		return false;
	iommu_flush_due(d);
	if (iotlb_lookup(&d->tlb, iova, hit)) {
		iommu_count(d, slot, IOMMU_HITS, 1);
		if (is_stale(d, iova, hit))
			iommu_count(d, slot, IOMMU_STALE, 1);
		return true;
	}
	iommu_count(d, slot, IOMMU_MISSES, 1);
	return iotlb_fill(&d->tlb, iova, hit);
}

int iommu_translate(const struct device *dev, dma_t bus, uint64_t size, bool write, phys_t *phys,
		    uint64_t *run)
{
	struct iommu_fault f = {.iova = bus, .write = write, .why = "not mapped"};
	struct iommu_domain *d = dev->iommu;
	struct iotlb_hit hit;
	uint64_t offset;

	if (!d || !size)
		return -FH_EINVAL;
	if (!translate(d, bus.v, &hit))
		return fault(d, dev, f);
	if (!(hit.entry & (write ? IOPT_WRITE : IOPT_READ))) {
		f.why = write ? "read only" : "write only";
		return fault(d, dev, f);
	}
	offset = bus.v & (iopt_span(hit.level) - 1);
	*phys = (phys_t){iopt_phys(hit.entry) + offset};
	*run = iopt_span(hit.level) - offset;
	if (*run > size)
		*run = size;
	return 0;
}

uint64_t iommu_faults(struct iommu_domain *d, struct iommu_fault *out, unsigned int n)
{
	uint64_t nr;

	if (!d)
		return 0;
	fh_lock(&d->log.lock);
	nr = d->log.nr;
	for (uint64_t i = 0; out && i < n && i < nr && i < IOMMU_FAULTS; i++)
		out[i] = d->log.fault[(nr - 1 - i) % IOMMU_FAULTS];
	fh_unlock(&d->log.lock);
	return nr;
}

void iommu_set_fault_handler(struct iommu_domain *d,
			     void (*fn)(void *arg, const struct iommu_fault *f), void *arg)
{
	if (!d)
		return;
	fh_lock(&d->log.lock);
	d->log.fn = fn;
	d->log.arg = arg;
	fh_unlock(&d->log.lock);
}

/* ---- numbers ---- */

uint64_t iommu_sum(const struct iommu_domain *d, enum iommu_count which)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i <= d->nr_cpus; i++)
		sum += atomic_load_explicit(&d->slot[i].count[which], memory_order_relaxed);
	return sum;
}

void iommu_stats(struct iommu_domain *d, struct iommu_stats *stats)
{
	if (!d || !stats)
		return;
	iommu_flush_due(d);
	*stats = (struct iommu_stats){
		.mapped = iommu_sum(d, IOMMU_MAPPED),
		.tables = atomic_load_explicit(&d->pt.nr_tables, memory_order_relaxed),
		.maps = iommu_sum(d, IOMMU_MAPS),
		.unmaps = iommu_sum(d, IOMMU_UNMAPS),
		.flushes = iommu_sum(d, IOMMU_FLUSHES),
		.deferred = iommu_deferred(d),
		.iotlb_hits = iommu_sum(d, IOMMU_HITS),
		.iotlb_misses = iommu_sum(d, IOMMU_MISSES),
		.iotlb_stale = iommu_sum(d, IOMMU_STALE),
		.faults = iommu_faults(d, NULL, 0),
	};
}
