/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Names, command lines and messages as JSON. */
#ifndef TOOLS_JSON_TEXT_H
#define TOOLS_JSON_TEXT_H

#include <jansson.h>

/* A string of any bytes; JSON is UTF-8, so where it is not, what is not ASCII becomes `?'. NULL: out of memory. */
json_t *json_text(const char *s);

#endif
