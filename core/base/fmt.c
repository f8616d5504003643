/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Text into a buffer, without a libc. */
#include "base/fmt.h"

struct spec {
	bool left, zero, alt; /* - 0 # */
	int width, precision; /* -1: none */
	int longs;	      /* -1 h, 0 int, 1 long, 2 long long, 3 size_t */
};

struct out {
	char *buf;
	size_t size, len;
};

static void put(struct out *o, char c)
{
	if (o->len + 1 < o->size)
		o->buf[o->len] = c;
	o->len++;
}

static void put_n(struct out *o, char c, int n)
{
	while (n-- > 0)
		put(o, c);
}

static void put_str(struct out *o, const char *s, const struct spec *sp)
{
	int n = 0;

	if (!s)
		s = "(null)";
	while ((sp->precision < 0 || n < sp->precision) && s[n])
		n++;
	if (!sp->left)
		put_n(o, ' ', sp->width - n);
	for (int i = 0; i < n; i++)
		put(o, s[i]);
	if (sp->left)
		put_n(o, ' ', sp->width - n);
}

static void put_num(struct out *o, uint64_t v, bool neg, unsigned int base, bool upper,
		    const struct spec *sp)
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char tmp[24];
	bool prefix = sp->alt && base == 16 && v;
	int sign = neg + 2 * prefix, n = 0, zeros = 0, total;

	do {
		tmp[n++] = digits[v % base];
		v /= base;
	} while (v);
	if (sp->precision > n)
		zeros = sp->precision - n;
	else if (sp->zero && !sp->left && sp->precision < 0 && sp->width > n + sign)
		zeros = sp->width - n - sign;
	total = n + zeros + sign;
	if (!sp->left)
		put_n(o, ' ', sp->width - total);
	if (neg)
		put(o, '-');
	if (prefix) {
		put(o, '0');
		put(o, upper ? 'X' : 'x');
	}
	put_n(o, '0', zeros);
	while (n)
		put(o, tmp[--n]);
	if (sp->left)
		put_n(o, ' ', sp->width - total);
}

static const char *parse_spec(const char *f, struct spec *sp, va_list *ap)
{
	*sp = (struct spec){.precision = -1};
	for (;; f++) {
		if (*f == '-')
			sp->left = true;
		else if (*f == '0')
			sp->zero = true;
		else if (*f == '#')
			sp->alt = true;
		else
			break;
	}
	if (*f == '*') {
		sp->width = va_arg(*ap, int);
		f++;
	}
	while (*f >= '0' && *f <= '9')
		sp->width = sp->width * 10 + (*f++ - '0');
	if (*f == '.') {
		sp->precision = 0;
		if (*++f == '*') {
			sp->precision = va_arg(*ap, int);
			f++;
		}
		while (*f >= '0' && *f <= '9')
			sp->precision = sp->precision * 10 + (*f++ - '0');
	}
	for (; *f == 'l' || *f == 'h' || *f == 'z'; f++)
		sp->longs = *f == 'h' ? -1 : *f == 'z' ? 3 : sp->longs + 1;
	return f;
}

static uint64_t get_unsigned(const struct spec *sp, va_list *ap)
{
	switch (sp->longs) {
	case 1:
		return va_arg(*ap, unsigned long);
	case 2:
		return va_arg(*ap, unsigned long long);
	case 3:
		return va_arg(*ap, size_t);
	default:
		return va_arg(*ap, unsigned int);
	}
}

static int64_t get_signed(const struct spec *sp, va_list *ap)
{
	switch (sp->longs) {
	case 1:
		return va_arg(*ap, long);
	case 2:
	case 3:
		return va_arg(*ap, long long);
	default:
		return va_arg(*ap, int);
	}
}

/* One conversion; `f` points behind the %. Returns the last character used. */
static const char *convert(struct out *o, const char *f, va_list *ap)
{
	struct spec sp;
	int64_t d;

	f = parse_spec(f, &sp, ap);
	switch (*f) {
	case 'd':
	case 'i':
		d = get_signed(&sp, ap);
		put_num(o, d < 0 ? -(uint64_t)d : (uint64_t)d, d < 0, 10, false, &sp);
		break;
	case 'u':
		put_num(o, get_unsigned(&sp, ap), false, 10, false, &sp);
		break;
	case 'x':
	case 'X':
		put_num(o, get_unsigned(&sp, ap), false, 16, *f == 'X', &sp);
		break;
	case 'p':
		put(o, '0');
		put(o, 'x');
		put_num(o, (uintptr_t)va_arg(*ap, void *), false, 16, false, &sp);
		break;
	case 's':
		put_str(o, va_arg(*ap, const char *), &sp);
		break;
	case 'c':
		put(o, (char)va_arg(*ap, int));
		break;
	case '%':
		put(o, '%');
		break;
	case '\0':
		return f - 1;
	default:
		put(o, '%');
		put(o, *f);
	}
	return f;
}

size_t fh_vsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
	struct out o = {.buf = buf, .size = size};
	va_list args;

	va_copy(args, ap);
	for (const char *f = fmt; *f; f++) {
		if (*f == '%')
			f = convert(&o, f + 1, &args);
		else
			put(&o, *f);
	}
	va_end(args);
	if (size)
		buf[o.len < size ? o.len : size - 1] = '\0';
	return o.len;
}

size_t fh_snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	n = fh_vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n;
}

void fh_text_add(struct fh_text *t, const char *fmt, ...)
{
	size_t at = t->len < t->size ? t->len : t->size;
	va_list ap;

	va_start(ap, fmt);
	t->len += fh_vsnprintf(t->buf + at, t->size - at, fmt, ap);
	va_end(ap);
}
