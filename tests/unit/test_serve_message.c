/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the server takes for a message, and what it cuts a client off for. */
#include <errno.h>
#include <string.h>
#include "serve_in.h"
#include "t.h"

static struct proto_request request(enum proto_op op)
{
	return (struct proto_request){.magic = PROTO_MAGIC, .op = (uint16_t)op, .seq = 7};
}

/* 0, or the error that check gives, with descriptors as the request says. */
static int check(const struct proto_request *r)
{
	int err = 1;
	const char *wrong = message_check(r, sizeof(*r), r->nr_fds, r->op != PROTO_HELLO, &err);

	T_EQ(!wrong, !err);
	return err;
}

static void each_operation_has_its_fields(void)
{
	static const struct proto_request good[] = {
		{.op = PROTO_HELLO, .id = 5, .n = PROTO_VERSION, .name = "camera"},
		{.op = PROTO_HEAP, .n = 3},
		{.op = PROTO_ALLOC, .size = 4096, .flags = 2, .name = "system"},
		{.op = PROTO_IMPORT, .nr_fds = 1},
		{.op = PROTO_FREE, .id = 9},
		{.op = PROTO_FREE, .id = 9, .options = PROTO_SILENT},
		{.op = PROTO_INFO, .id = 9},
		{.op = PROTO_SET_NAME, .id = 9, .name = "x"},
		{.op = PROTO_SYNC, .id = 9, .flags = 5},
		{.op = PROTO_EXPORT_SYNC, .id = 9, .flags = 1},
		{.op = PROTO_IMPORT_SYNC, .id = 9, .flags = 1, .nr_fds = 1},
		{.op = PROTO_MERGE, .name = "both", .nr_fds = 2},
		{.op = PROTO_SYNC_INFO, .nr_fds = 1},
		{.op = PROTO_READ, .name = "proc/meminfo"},
		{.op = PROTO_FREE, .id = 9, .size = 4096, .n = PROTO_WRITTEN_PAGES},
		{.op = PROTO_SYNC, .id = 9, .flags = 6, .size = 1, .n = PROTO_WRITTEN_WHOLE},
		{.op = PROTO_EXPORT, .id = 9, .flags = 2},
		{.op = PROTO_WRITTEN, .id = 9},
		{.op = PROTO_WRITTEN, .id = 9, .size = 5, .n = 1, .options = PROTO_SILENT},
		{.op = PROTO_USAGE},
		{.op = PROTO_RECLAIM, .name = "system", .nr_fds = 1},
		{.op = PROTO_OFFER, .name = "udmabuf", .nr_fds = 1},
	};

	for (unsigned int i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct proto_request r = good[i];

		r.magic = PROTO_MAGIC;
		T_EQ(check(&r), 0);
	}
}

static void a_field_too_many_is_refused(void)
{
	struct proto_request r = request(PROTO_HEAP);

	r.size = 1;
	T_EQ(check(&r), -EINVAL);
	r = request(PROTO_ALLOC);
	r.id = 1;
	T_EQ(check(&r), -EINVAL);
	r = request(PROTO_ALLOC);
	r.n = 1;
	T_EQ(check(&r), -EINVAL);
	r = request(PROTO_INFO);
	r.flags = 1;
	T_EQ(check(&r), -EINVAL);
	r = request(PROTO_INFO);
	r.options = PROTO_SILENT;
	T_EQ(check(&r), -EINVAL);
	r = request(PROTO_USAGE);
	r.id = 1;
	T_EQ(check(&r), -EINVAL);
	r = request(PROTO_EXPORT);
	r.options = PROTO_SILENT;
	T_EQ(check(&r), -EINVAL);
	r = request(PROTO_WRITTEN);
	r.flags = 1;
	T_EQ(check(&r), -EINVAL);
	r = request(PROTO_FREE);
	r.name[0] = 'x';
	T_EQ(check(&r), -EINVAL);
	r = request(PROTO_NR_OPS);
	T_EQ(check(&r), -EINVAL);
}

static void descriptors_are_counted(void)
{
	struct proto_request r = request(PROTO_IMPORT);
	int err;

	T_EQ(check(&r), -EINVAL);
	r.nr_fds = 2;
	T_EQ(check(&r), -EINVAL);
	r.nr_fds = 1;
	T_OK(message_check(&r, sizeof(r), 0, true, &err) && err == -EINVAL, "it says 1, 0 came");
	T_OK(message_check(&r, sizeof(r), 2, true, &err) && err == -EINVAL, "it says 1, 2 came");
}

static void names_end(void)
{
	struct proto_request r = request(PROTO_READ);

	memset(r.name, 'x', sizeof(r.name));
	T_EQ(check(&r), -EINVAL);
	r.name[PROTO_NAME - 1] = '\0';
	T_EQ(check(&r), 0);
	r.name[5] = '\0'; /* bytes behind the end */
	T_EQ(check(&r), -EINVAL);
}

static void what_is_no_message_ends_the_connection(void)
{
	struct proto_request r = request(PROTO_HEAP);
	int err;

	T_OK(message_check(&r, sizeof(r) - 1, 0, true, &err) && err == -EPROTO, "too short");
	T_OK(message_check(&r, sizeof(r) + 1, 0, true, &err) && err == -EPROTO, "too long");
	T_OK(message_check(&r, 0, 0, true, &err) && err == -EPROTO, "nothing");
	T_OK(message_check(&r, sizeof(r), 0, false, &err) && err == -EPROTO, "no greeting before");
	r = request(PROTO_HELLO);
	T_OK(message_check(&r, sizeof(r), 0, true, &err) && err == -EPROTO, "a second greeting");
	r.magic++;
	T_OK(message_check(&r, sizeof(r), 0, false, &err) && err == -EPROTO, "no magic");
}

const struct t_case t_cases[] = {
	T(each_operation_has_its_fields),
	T(a_field_too_many_is_refused),
	T(descriptors_are_counted),
	T(names_end),
	T(what_is_no_message_ends_the_connection),
	T_END,
};
