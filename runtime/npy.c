/* npy.c -- .npy files (format 1.0 to 3.0 in, 1.0 out). */
#define _GNU_SOURCE
#include "npy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct Descr {
	Dtype dtype;
	const char *descr;
} descrs[] = {
    {DT_F32, "<f4"},
    {DT_F16, "<f2"},
    {DT_BF16, "<u2"},
    {DT_I32, "<i4"},
};

enum { NDESCR = sizeof descrs / sizeof *descrs };

static _Noreturn void fail(Diag *d, FILE *f, const char *path, const char *what)
{
	if (f)
		fclose(f);
	diag_fail(d, (Loc){path, 0}, "%s", what);
}

/* The value after 'key': in the header's dictionary. */
static const char *field(const char *head, const char *key)
{
	const char *p = strstr(head, key);

	p = p ? strchr(p, ':') : NULL;
	return p ? p + 1 + strspn(p + 1, " ") : NULL;
}

static void read_head(Diag *d, FILE *f, const char *path, Npy *out)
{
	unsigned char pre[12];
	char *head, *end;
	const char *p;
	size_t n;
	int i;

	memset(out, 0, sizeof *out);
	out->path = path;
	if (fread(pre, 1, 10, f) != 10 || memcmp(pre, "\x93NUMPY", 6) || pre[6] < 1 || pre[6] > 3)
		fail(d, f, path, "not a .npy file");
	n = pre[8] | (size_t)pre[9] << 8;
	if (pre[6] > 1) {
		if (fread(pre + 10, 1, 2, f) != 2)
			fail(d, f, path, "truncated header");
		n |= (size_t)pre[10] << 16 | (size_t)pre[11] << 24;
	}
	if (n > 1 << 16)
		fail(d, f, path, "header too long");
	head = calloc(n + 1, 1);
	if (!head || fread(head, 1, n, f) != n) {
		free(head);
		fail(d, f, path, "truncated header");
	}
	p = field(head, "'descr'");
	for (i = 0; i < NDESCR; i++)
		if (p && (*p == '\'' || *p == '"') && !strncmp(p + 1, descrs[i].descr, 3))
			break;
	if (i == NDESCR) {
		free(head);
		fail(d, f, path, "dtype is none of float32, float16, int32, uint16 (bf16 bits)");
	}
	out->dtype = descrs[i].dtype;
	p = field(head, "'fortran_order'");
	if (!p || strncmp(p, "False", 5)) {
		free(head);
		fail(d, f, path, "Fortran order; save it in C order");
	}
	out->bytes = (size_t)dtype_bytes(out->dtype);
	p = field(head, "'shape'");
	for (p = p && *p == '(' ? p + 1 : ""; *p && *p != ')'; p += strspn(p, ", ")) {
		int64_t v = strtoll(p, &end, 10);
		if (end == p || v < 0 || out->rank == NPY_RANK ||
		    (v && out->bytes > ((size_t)1 << 46) / (size_t)v)) {
			free(head);
			fail(d, f, path, "bad shape");
		}
		out->shape[out->rank++] = v;
		out->bytes *= (size_t)v;
		p = end;
	}
	free(head);
}

/* -- cuts: "F.npy@i:j" keeps rows i to j-1 of the axis before the last, "F.npy@i" that row alone,
 * without the axis; negative numbers count from the end ---------------------------------------- */

typedef struct Cut {
	bool some, one;
	int64_t from, to;
} Cut;

static FILE *open_cut(Diag *d, const char *path, Npy *out, Cut *cut)
{
	const char *at = strrchr(path, '@');
	char name[4096], *end;
	FILE *f;

	memset(cut, 0, sizeof *cut);
	snprintf(name, sizeof name, "%.*s", at ? (int)(at - path) : (int)strlen(path), path);
	if (at && strspn(at + 1, "-:0123456789") != strlen(at + 1))
		snprintf(name, sizeof name, "%s", path);
	else
		cut->some = at != NULL;
	f = fopen(name, "rb");
	if (!f)
		fail(d, NULL, path, strerror(errno));
	read_head(d, f, path, out);
	if (cut->some) {
		int64_t rows = out->rank > 1 ? out->shape[out->rank - 2] : 0;
		cut->from = strtoll(at + 1, &end, 10);
		cut->one = *end != ':';
		cut->to = cut->one ? cut->from + 1 : rows;
		if (!cut->one && end[1])
			cut->to = strtoll(end + 1, &end, 10);
		cut->from += cut->from < 0 ? rows : 0;
		cut->to += cut->to < 0 || (cut->one && cut->to == 0) ? rows : 0;
		if (cut->from < 0 || cut->to > rows || cut->from >= cut->to)
			fail(d, f, path, "no such rows");
	}
	return f;
}

/* The shape after the cut, and the bytes of one row and of the rows before and after it. */
static void apply_cut(Npy *out, const Cut *cut)
{
	int r = out->rank;

	out->bytes = out->bytes / (size_t)out->shape[r - 2] * (size_t)(cut->to - cut->from);
	out->shape[r - 2] = cut->to - cut->from;
	if (cut->one) {
		out->shape[r - 2] = out->shape[r - 1];
		out->rank--;
	}
}

void npy_head(Diag *d, const char *path, Npy *out)
{
	Cut cut;

	fclose(open_cut(d, path, out, &cut));
	if (cut.some)
		apply_cut(out, &cut);
}

void npy_read(Diag *d, const char *path, Npy *out)
{
	Cut cut;
	FILE *f = open_cut(d, path, out, &cut);
	size_t all = out->bytes, row, group, i, n;
	char *p;

	out->data = malloc(all + 16);
	if (!out->data) {
		fclose(f);
		diag_env(d, "%s: no memory for %zu bytes", path, all);
	}
	if (fread(out->data, 1, all, f) != all) {
		free(out->data);
		fail(d, f, path, "shorter than its header says");
	}
	fclose(f);
	if (!cut.some)
		return;
	row = (size_t)out->shape[out->rank - 1] * (size_t)dtype_bytes(out->dtype);
	group = row * (size_t)out->shape[out->rank - 2];
	n = (size_t)(cut.to - cut.from) * row;
	p = out->data;
	for (i = 0; group && i < all / group; i++, p += n)
		memmove(p, (char *)out->data + i * group + (size_t)cut.from * row, n);
	apply_cut(out, &cut);
}

void npy_write(Diag *d, const char *path, Dtype dt, int rank, const int64_t *shape,
               const void *data)
{
	char head[512];
	size_t bytes = (size_t)dtype_bytes(dt);
	int i, n;
	bool ok;
	FILE *f;

	for (i = 0; i < NDESCR && descrs[i].dtype != dt; i++)
		;
	if (i == NDESCR)
		bug("npy_write: dtype %d", dt);
	n = 10 + snprintf(head + 10, sizeof head - 10,
	                  "{'descr': '%s', 'fortran_order': False, 'shape': (", descrs[i].descr);
	for (i = 0; i < rank; i++) {
		n += snprintf(head + n, sizeof head - (size_t)n, "%lld,%s", (long long)shape[i],
		              i + 1 < rank ? " " : "");
		bytes *= (size_t)shape[i];
	}
	n += snprintf(head + n, sizeof head - (size_t)n, "), }");
	while (n % 64 != 63)
		head[n++] = ' ';
	head[n++] = '\n';
	memcpy(head, "\x93NUMPY\x01\x00", 8);
	head[8] = (char)((n - 10) & 255);
	head[9] = (char)((n - 10) >> 8);
	f = fopen(path, "wb");
	if (!f)
		fail(d, NULL, path, strerror(errno));
	ok = fwrite(head, 1, (size_t)n, f) == (size_t)n && fwrite(data, 1, bytes, f) == bytes;
	ok = !fclose(f) && ok;
	if (!ok)
		diag_env(d, "%s: %s", path, strerror(errno));
}
