/* dev.c -- building and printing the device IR. */
#include "dev.h"
#include "tidy.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

void dev_append(Block *b, Stmt *s)
{
	if (b->last)
		b->last->next = s;
	else
		b->first = s;
	b->last = s;
}

void dev_insert(Block *b, Stmt *after, Stmt *s)
{
	s->next = after ? after->next : b->first;
	if (after)
		after->next = s;
	else
		b->first = s;
	if (!s->next)
		b->last = s;
}

void dev_splice(Block *b, Stmt *after, const Block *from)
{
	for (Stmt *s = from->first, *next; s; after = s, s = next) {
		next = s->next;
		dev_insert(b, after, s);
	}
}

Stmt *dev_add(Dev *d, Block *b, StmtKind kind, const char *text)
{
	Stmt *s = ARENA_NEW(d->arena, Stmt);

	s->kind = kind;
	s->text = text;
	s->body.outer = s->orelse.outer = b;
	dev_append(b, s);
	return s;
}

void dev_access(Stmt *s, Buffer *b, AccessKind k)
{
	b->whole |= k == ACC_READ;
	for (int i = 0; i < s->nacc; i++)
		if (s->acc[i].buf == b && s->acc[i].kind == k)
			return;
	if (s->nacc == MAX_ACCESSES)
		bug("dev: too many accesses in one statement");
	b->proxied |= k == ACC_PROXY;
	s->acc[s->nacc++] = (Access){b, k};
}

static int pow2_above(int n)
{
	int p = 1;

	while (p < n)
		p *= 2;
	return p;
}

/* A panel is at most 128 bytes wide: the widest span the swizzles permute. */
Buffer *dev_buffer(Dev *d, const char *name, int rows, int cols, int elem, int stages)
{
	Buffer *b = ARENA_NEW(d->arena, Buffer);
	int panels;

	if (d->nbufs == MAX_BUFFERS)
		diag_fail(d->k->diag, (Loc){d->k->file, 0},
		          "more than %d tiles in shared memory; split the kernel", MAX_BUFFERS);
	b->name = name;
	b->rows = rows;
	b->cols = cols;
	b->elem = elem;
	b->used_cols = cols;
	b->stages = stages;
	b->id = d->nbufs;
	if (elem == 2) {
		b->pbytes = pow2_above(cols * 2 < 16 ? 16 : cols * 2);
		if (b->pbytes > 128)
			b->pbytes = 128;
		b->swizzle = b->pbytes / 16 - 1;
	} else {
		b->pbytes = (cols * elem + 15) / 16 * 16;
	}
	b->pcols = b->pbytes / elem;
	panels = (cols + b->pcols - 1) / b->pcols;
	b->bytes = panels * rows * b->pbytes;
	b->bytes = (b->bytes + 127) / 128 * 128;
	return d->buf[d->nbufs++] = b;
}

const char *dev_param(Dev *d, ParamKind kind, int arg, int axis, Dtype dt, const char *name)
{
	KernelText *t = &d->text;

	for (int i = 0; i < t->nparams; i++)
		if (t->param[i].kind == kind && t->param[i].arg == arg && t->param[i].axis == axis)
			return t->param[i].name;
	if (t->nparams == MAX_PARAMS)
		bug("%s: too many parameters", d->name);
	t->param[t->nparams++] = (Param){kind, arg, axis, axis, dt, name, NULL};
	return name;
}

/* -- printing ------------------------------------------------------------------------------ */

static void print_block(const Block *b, int depth, Text *out);

static void indent(Text *out, int depth)
{
	for (int i = 0; i < depth; i++)
		text_puts(out, "\t");
}

static void print_body(const Block *b, int depth, Text *out)
{
	text_puts(out, " {\n");
	print_block(b, depth + 1, out);
	indent(out, depth);
	text_puts(out, "}");
}

/* " else { ... }", or " else if" where nothing else stands there. */
static void print_else(const Block *b, int depth, Text *out)
{
	const Stmt *s = b->first;

	if (!s)
		return;
	text_puts(out, " else");
	if (s->next || s->kind != S_IF) {
		print_body(b, depth, out);
		return;
	}
	text_add(out, " if (%s)", s->text);
	print_body(&s->body, depth, out);
	print_else(&s->orelse, depth, out);
}

/* Whether a scope has names of its own. */
static bool declares(const Block *b)
{
	for (const Stmt *s = b->first; s; s = s->next)
		if (s->kind == S_CODE)
			return true;
	return false;
}

static bool is_proxied(const Stmt *s)
{
	for (int i = 0; i < s->nacc; i++)
		if (s->acc[i].buf->proxied)
			return true;
	return false;
}

static void print_stmt(const Stmt *s, int depth, Text *out)
{
	if (s->kind == S_SCOPE && !declares(&s->body)) {
		print_block(&s->body, depth, out);
		return;
	}
	if (s->kind == S_BLANK) {
		text_puts(out, "\n");
		return;
	}
	if (s->kind == S_WARP && !s->n)
		return;
	if (s->kind == S_PROXY && s->nacc && !is_proxied(s))
		return;
	if (s->kind == S_FOR && s->unroll) {
		indent(out, depth);
		text_puts(out, "#pragma unroll\n");
	}
	indent(out, depth);
	switch (s->kind) {
	case S_CODE:
		text_add(out, "%s", s->text);
		break;
	case S_COMMENT:
		text_add(out, "// %s", s->text);
		break;
	case S_FOR:
		text_add(out, "for (%s)", s->text);
		print_body(&s->body, depth, out);
		break;
	case S_ROLES:
	case S_IF:
		text_add(out, "if (%s)", s->text);
		print_body(&s->body, depth, out);
		print_else(&s->orelse, depth, out);
		break;
	case S_SCOPE:
		text_puts(out, "{\n");
		print_block(&s->body, depth + 1, out);
		indent(out, depth);
		text_puts(out, "}");
		break;
	case S_COMMIT:
		text_puts(out, "cp_async_commit();");
		break;
	case S_WAIT:
		text_add(out, "cp_async_wait(%d);", s->n);
		break;
	case S_PROXY:
		text_puts(out, "proxy_fence();");
		break;
	case S_WARP:
		text_puts(out, "warp_sync();");
		break;
	case S_BARRIER:
		if (s->n)
			text_add(out,
			         s->n > 1 && s->shifted ? "named_sync(role + %d, %d);" : "named_sync(%d, %d);",
			         s->n - (s->n > 1 && s->shifted), s->threads);
		else
			text_puts(out, "block_sync();");
		break;
	case S_BLANK:
		break;
	}
	text_puts(out, "\n");
}

static void print_block(const Block *b, int depth, Text *out)
{
	for (const Stmt *s = b->first; s; s = s->next)
		print_stmt(s, depth, out);
}

/* Whether identifier `id` stands in the text. */
static bool mentions(const char *text, const char *id)
{
	size_t n = strlen(id);

	for (const char *p = text; (p = strstr(p, id)); p += n) {
		int before = p == text ? ' ' : (unsigned char)p[-1], after = (unsigned char)p[n];

		if (!isalnum(before) && before != '_' && !isalnum(after) && after != '_')
			return true;
	}
	return false;
}

static const char *param_type(const Param *p, const Kernel *k)
{
	static const char *const data[NDTYPE] = {[DT_F32] = "float",
	                                         [DT_BF16] = "b16",
	                                         [DT_F16] = "b16",
	                                         [DT_I32] = "int",
	                                         [DT_MASK] = "int"};

	switch (p->kind) {
	case PARAM_ARG:
		if (k->args[p->arg]->output)
			return p->dtype == DT_F32 ? "float *" : p->dtype == DT_I32 ? "int *" : "b16 *";
		return p->dtype == DT_F32   ? "const float *"
		       : p->dtype == DT_I32 ? "const int *"
		                            : "const b16 *";
	case PARAM_MAP:
		return "const __grid_constant__ TensorMap ";
	case PARAM_STRIDE:
		return "i64 ";
	case PARAM_WORK:
		return "float *";
	case PARAM_SCALAR:
		return p->dtype == DT_F32 ? "float " : "int ";
	default:
		return data[DT_I32][0] ? "int " : "";
	}
}

static void print_params(const Dev *d, Text *out)
{
	int col = 0;

	for (int i = 0; i < d->text.nparams; i++) {
		const Param *p = &d->text.param[i];
		int n = (int)strlen(p->name) + (p->kind == PARAM_MAP ? 36 : 14);

		if (i)
			text_puts(out, ",");
		if (i && col + n > 92) {
			text_puts(out, "\n\t");
			col = 0;
		} else if (i) {
			text_puts(out, " ");
		}
		text_add(out, "%s%s", param_type(p, d->k), p->name);
		col += n;
	}
}

static int block_mentions(const Block *b, const char *id)
{
	int n = 0;

	for (const Stmt *s = b->first; s; s = s->next) {
		if (s->text && s->kind != S_COMMENT && mentions(s->text, id))
			n++;
		n += block_mentions(&s->body, id) + block_mentions(&s->orelse, id);
	}
	return n;
}

/* Drops "const int NAME = ..." where nothing that follows in the block mentions NAME, the last ones
 * first, since they may be what mentions others. */
static void drop_unused(Block *b, Stmt *prev)
{
	Stmt *s = prev ? prev->next : b->first;
	char id[64];

	if (!s)
		return;
	drop_unused(b, s);
	drop_unused(&s->body, NULL);
	drop_unused(&s->orelse, NULL);
	if (s->kind != S_CODE ||
	    (sscanf(s->text, "const int %63[A-Za-z0-9_] =", id) != 1 &&
	     sscanf(s->text, "const u32 %63[A-Za-z0-9_] =", id) != 1) ||
	    block_mentions(&(Block){.first = s->next}, id))
		return;
	if (prev)
		prev->next = s->next;
	else
		b->first = s->next;
	if (b->last == s)
		b->last = prev;
}

/* "float x; x = ..." in one. */
static void join_declaration(const Dev *d, Stmt *s)
{
	char type[16], name[64], of[64];
	int at = 0;

	if (s->kind != S_CODE || !s->next || s->next->kind != S_CODE ||
	    sscanf(s->text, "%15[a-z0-9] %63[A-Za-z0-9_];%n", type, name, &at) != 2 || s->text[at] ||
	    !at || sscanf(s->next->text, "%63[A-Za-z0-9_] = ", of) != 1 || strcmp(name, of) ||
	    s->next->text[strlen(of) + 1] != '=')
		return;
	s->text = arena_printf(d->arena, "%s %s", type, s->next->text);
	for (int i = 0; i < s->next->nacc; i++)
		dev_access(s, s->next->acc[i].buf, s->next->acc[i].kind);
	s->next = s->next->next;
}

static void tidy_block(const Dev *d, Block *b, int warps)
{
	for (Stmt *s = b->first; s; s = s->next) {
		join_declaration(d, s);
		if (!s->next)
			b->last = s;
		if (s->text && s->kind != S_COMMENT)
			s->text = tidy_text(d->arena, s->text, warps);
		tidy_block(d, &s->body, s->kind == S_ROLES && d->keepers ? d->keepers : warps);
		tidy_block(d, &s->orelse, warps);
	}
}

int dev_threads(const Dev *d)
{
	if (d->keepers)
		return 32 * (d->keepers + d->warps * d->takers);
	return 32 * (d->warps + (d->roles > 1 ? d->last_warps : 0));
}

void dev_print(const Dev *d, Text *out)
{
	Text body = {.arena = d->arena};
	int first = d->keepers ? d->keepers : d->warps;

	tidy_block(d, (Block *)&d->body, d->warps);
	drop_unused((Block *)&d->body, NULL);

	print_block(&d->body, 1, &body);
	for (int i = 0; i < d->ntables; i++) /* kernels of one module may share one */
		if (!out->s || !strstr(out->s, d->table[i].text))
			text_add(out, "%s\n\n", d->table[i].text);
	text_add(out, "__global__ void __launch_bounds__(%d, %d) %s(\n\t", dev_threads(d),
	         d->min_blocks, d->name);
	print_params(d, out);
	text_puts(out, ")\n{\n");
	if (d->nbufs)
		text_puts(out, "\tconst u32 smem = smem_base();\n");
	if (d->keepers > d->warps && d->takers > 1)
		text_add(out,
		         "\tconst int role = warp_uniform((int)(threadIdx.x < %d ? 0 : threadIdx.x / %d - "
		         "%d));\n"
		         "\tconst int tid = (int)(role ? threadIdx.x %% %d : threadIdx.x);\n",
		         d->keepers * 32, d->warps * 32, d->keepers / d->warps - 1, d->warps * 32);
	else if (d->roles > 1)
		text_add(out,
		         "\tconst int role = warp_uniform((int)(threadIdx.x / %d));\n"
		         "\tconst int tid = (int)threadIdx.x %% %d;\n",
		         first * 32, first * 32);
	else
		text_puts(out, "\tconst int tid = (int)threadIdx.x;\n");
	if (mentions(body.s, "warp"))
		text_puts(out, "\tconst int warp = warp_uniform(tid / 32);\n");
	if (mentions(body.s, "lane") || mentions(body.s, "g") || mentions(body.s, "t"))
		text_puts(out, "\tconst int lane = tid % 32;\n");
	if (mentions(body.s, "g"))
		text_puts(out, "\tconst int g = lane / 4;\n");
	if (mentions(body.s, "t"))
		text_puts(out, "\tconst int t = lane % 4;\n");
	for (int i = 0; i < d->nbufs; i++)
		if (mentions(body.s, d->buf[i]->name))
			text_add(out,
			         d->buf[i]->copies   ? "\tconst u32 %s = smem + %d + %d * role;\n"
			         : d->buf[i]->offset ? "\tconst u32 %s = smem + %d;\n"
			                             : "\tconst u32 %s = smem;\n",
			         d->buf[i]->name,
			         d->buf[i]->copies ? d->buf[i]->offset - d->buf[i]->apart : d->buf[i]->offset,
			         d->buf[i]->apart);
	text_puts(out, body.s);
	text_puts(out, "}\n");
}
