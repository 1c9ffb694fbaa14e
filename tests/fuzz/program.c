/* program.c -- what of a program is needed, and its Lua. */
#include "program.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

bool program_visible(const Program *p, int node, int scope)
{
	int from = p->node[node].scope;

	for (; scope >= 0; scope = p->node[scope].scope)
		if (scope == from)
			return true;
	return from < 0;
}

/* -- liveness ---------------------------------------------------------------------------- */

static bool effect(Form f)
{
	return f == FORM_SET || f == FORM_ADD || f == FORM_DECAY || f == FORM_STEP;
}

static bool mark(Program *p, int i)
{
	Node *x;

	if (i < 0 || p->node[i].live)
		return false;
	x = &p->node[i];
	x->live = true;
	for (int s = 0; s < x->nsrc; s++)
		mark(p, x->src[s]);
	mark(p, x->carried);
	for (int d = 0; d < x->rank; d++)
		if (p->sym[x->dim[d]].kind == SYM_LOOP)
			mark(p, p->sym[x->dim[d]].loop);
	return true;
}

static void count_uses(Program *p)
{
	for (int i = 0; i < p->nnodes; i++)
		for (int s = 0; p->node[i].live && s < p->node[i].nsrc; s++)
			p->node[p->node[i].src[s]].uses++;
}

void program_mark(Program *p)
{
	bool more = true;

	for (int i = 0; i < p->nnodes; i++)
		p->node[i].live = false, p->node[i].uses = 0;
	for (int i = 0; i < p->nnodes; i++)
		if (p->node[i].form == FORM_STORE && !p->node[i].dropped)
			mark(p, i);
	while (more) {
		more = false;
		for (int i = 0; i < p->nnodes; i++) {
			const Node *x = &p->node[i];

			if (effect(x->form) && !x->dropped && p->node[x->carried].live)
				more |= mark(p, i);
			if (x->live && x->scope >= 0)
				more |= mark(p, x->scope);
		}
	}
	for (int i = 0; i < p->nnodes; i++) /* a loop's end goes with the loop */
		if (p->node[i].form == FORM_END)
			p->node[i].live = p->node[p->node[i].carried].live;
	count_uses(p);
}

/* -- expressions ------------------------------------------------------------------------- */

static void expression(Program *p, int i, Text *t);

/* Written where it is used rather than named: cheap to write twice, and used once. */
static bool inlined(const Program *p, int i)
{
	const Node *x = &p->node[i];

	switch (x->form) {
	case FORM_SCALAR:
	case FORM_SIZE:
	case FORM_INDEX:
	case FORM_SEEN:
		return true;
	case FORM_TRANSPOSE:
	case FORM_COL:
	case FORM_ROW:
	case FORM_CAST:
	case FORM_MAP:
	case FORM_FULL:
		return x->uses < 2 && i % 3 != 0;
	default:
		return false;
	}
}

static void reference(Program *p, int i, Text *t)
{
	if (inlined(p, i))
		expression(p, i, t);
	else
		text_add(t, "x%d", i);
}

static void number(const Node *x, Text *t)
{
	if (x->minus_infinity)
		text_puts(t, "-math.huge");
	else if (x->number < 0)
		text_add(t, "(%.6g)", x->number);
	else
		text_add(t, "%.6g", x->number);
}

static void call(Program *p, const char *name, int i, Text *t)
{
	const Node *x = &p->node[i];

	text_add(t, "%s(", name);
	for (int s = 0; s < x->nsrc; s++) {
		if (s)
			text_puts(t, ", ");
		if (x->has_number && x->number_first && s == x->nsrc - 1) {
			number(x, t);
			text_puts(t, ", ");
		}
		reference(p, x->src[s], t);
	}
	if (x->has_number && !x->number_first) {
		text_puts(t, ", ");
		number(x, t);
	}
	text_puts(t, ")");
}

static void infix(Program *p, const char *sign, int i, Text *t)
{
	const Node *x = &p->node[i];

	text_puts(t, "(");
	if (x->has_number && x->number_first)
		number(x, t);
	else
		reference(p, x->src[0], t);
	text_add(t, " %s ", sign);
	if (x->has_number && !x->number_first)
		number(x, t);
	else
		reference(p, x->src[x->nsrc - 1], t);
	text_puts(t, ")");
}

static void map(Program *p, int i, Text *t)
{
	static const struct {
		OpCode code;
		const char *sign;
	} infixes[] = {{OP_add, "+"}, {OP_sub, "-"},  {OP_mul, "*"},
	               {OP_div, "/"}, {OP_and_, "&"}, {OP_or_, "|"}};
	const Node *x = &p->node[i];
	const char *name = op_info[x->code].name;

	for (size_t k = 0; k < sizeof infixes / sizeof *infixes; k++)
		if (infixes[k].code == x->code) {
			infix(p, infixes[k].sign, i, t);
			return;
		}
	if (x->code == OP_neg || x->code == OP_not_) {
		text_puts(t, x->code == OP_neg ? "(-" : "(~");
		reference(p, x->src[0], t);
		text_puts(t, ")");
	} else if (op_info[x->code].class == COMPARE) {
		reference(p, x->src[0], t);
		text_add(t, ":%s(", name);
		if (x->has_number)
			number(x, t);
		else
			reference(p, x->src[1], t);
		text_puts(t, ")");
	} else {
		call(p,
		     op_info[x->code].class == SELECT ? "az.where" : arena_printf(t->arena, "az.%s", name),
		     i, t);
	}
}

static void dims(const Program *p, const Node *x, Text *t)
{
	for (int d = 0; d < x->rank; d++)
		text_add(t, ", %s", p->sym[x->dim[d]].text);
}

/* The ranges among the dimensions, in brackets. */
static void cut(const Program *p, const Node *x, Text *t)
{
	int n = 0, last = 0;

	for (int d = 0; d < x->rank; d++)
		if (p->sym[x->dim[d]].kind == SYM_LOOP || p->sym[x->dim[d]].kind == SYM_GRID)
			n++, last = d;
	if (n == 1)
		text_add(t, "[%s]", p->sym[x->dim[last]].text);
	else if (n)
		text_add(t, "[{ %s, %s }]", p->sym[x->dim[0]].text, p->sym[x->dim[1]].text);
	else
		text_puts(t, "[{}]");
}

static void expression(Program *p, int i, Text *t)
{
	const Node *x = &p->node[i];

	switch (x->form) {
	case FORM_LOAD:
		text_add(t, "a.%s", p->param[x->parameter].name);
		cut(p, x, t);
		return;
	case FORM_SCALAR:
		text_add(t, "a.%s", p->param[x->parameter].name);
		return;
	case FORM_FULL:
		text_puts(t, "az.full(");
		number(x, t);
		dims(p, x, t);
		text_puts(t, ")");
		return;
	case FORM_INDEX:
		text_add(t, "%s.index", p->sym[x->dim[0]].text);
		return;
	case FORM_MAP:
		map(p, i, t);
		return;
	case FORM_CAST:
		text_puts(t, "az.cast(");
		reference(p, x->src[0], t);
		text_puts(t, x->sort == SORT_HALF  ? ", p.dtype)"
		             : x->sort == SORT_I32 ? ", \"i32\")"
		                                   : ", \"f32\")");
		return;
	case FORM_COL:
	case FORM_ROW:
		call(p, x->form == FORM_COL ? "az.col" : "az.row", i, t);
		return;
	case FORM_FEATURE:
		call(p, arena_printf(t->arena, "f%d", x->feature + 1), i, t);
		return;
	case FORM_TRANSPOSE:
		call(p, "az.transpose", i, t);
		return;
	case FORM_DOT:
		call(p, "az.dot", i, t);
		return;
	case FORM_CUMSUM:
		call(p, "az.cumsum", i, t);
		return;
	case FORM_REDUCE:
		call(p, arena_printf(t->arena, "az.%s", x->text), i, t);
		return;
	case FORM_GET:
		text_add(t, "x%d:get()", x->carried);
		return;
	case FORM_SEEN:
		text_add(t, "seen%d", x->carried);
		return;
	case FORM_OUT:
	case FORM_LSE:
		text_add(t, "x%d:%s()", x->carried, x->form == FORM_OUT ? "out" : "lse");
		return;
	default:
		text_puts(t, "nil");
	}
}

/* -- statements -------------------------------------------------------------------------- */

static const char *const masks[] = {"",
                                    "az.causal_mask",
                                    "az.window(a.W)",
                                    "function(i, j) return i:gt(j) end",
                                    "function(i, j) return j:ge(i) end",
                                    "az.causal_from(3)",
                                    "function(i, j) return (i - j):lt(a.W) & (j - i):lt(a.W) end",
                                    "function(i, j) return (i - j):ge(a.W) | j:lt(4) end",
                                    "function(i, j) return i:ne(j) end"};

static void loop(Program *p, int i, Text *t, const char *tab)
{
	const Node *x = &p->node[i];
	const Symbol *s = &p->sym[x->dim[0]], *rows = NULL;
	bool seen = false;

	for (int k = i + 1; k < p->nnodes; k++) {
		seen |= p->node[k].live && p->node[k].form == FORM_SEEN && p->node[k].carried == i;
		seen |= p->node[k].live && p->node[k].form == FORM_STEP && p->node[k].scope == i;
	}
	for (int k = 0; k < p->nsyms; k++)
		if (p->sym[k].kind == SYM_GRID)
			rows = &p->sym[k];
	text_add(t, "%sfor %s", tab, s->text);
	if (seen)
		text_add(t, ", seen%d", i);
	text_add(t, " in az.tiles(\"%s\", %d", s->axis, s->n);
	if (seen && x->mask && rows)
		text_add(t, ", { rows = %s, mask = %s }", rows->text, masks[x->mask]);
	else if (x->reverse)
		text_puts(t, ", { reverse = true }");
	text_puts(t, ") do\n");
}

static void declare(Program *p, int i, Text *t)
{
	const Node *x = &p->node[i];

	text_add(t, "local x%d = ", i);
	if (x->form == FORM_STATE && x->parameter >= 0) {
		text_add(t, "az.state(a.%s)", p->param[x->parameter].name);
	} else if (x->form == FORM_STATE) {
		text_puts(t, "az.state(nil");
		dims(p, x, t);
		text_puts(t, ")");
	} else if (x->form == FORM_SOFTMAX) {
		text_add(t, "az.softmax_state(%s, %s)", p->sym[x->dim[0]].text, p->sym[x->dim[1]].text);
	} else {
		text_puts(t, "az.var(");
		number(x, t);
		dims(p, x, t);
		text_puts(t, ")");
	}
}

static void statement(Program *p, int i, Text *t, const char *tab)
{
	static const char *const verb[] = {
	    [FORM_SET] = "set", [FORM_ADD] = "add", [FORM_DECAY] = "decay", [FORM_STEP] = "step"};
	const Node *x = &p->node[i];

	if (x->form <= FORM_LAST_VALUE) {
		if (inlined(p, i))
			return;
		text_add(t, "%slocal x%d = ", tab, i);
		expression(p, i, t);
	} else if (effect(x->form)) {
		text_add(t, "%sx%d:%s(", tab, x->carried, verb[x->form]);
		reference(p, x->src[0], t);
		if (x->form == FORM_STEP) {
			text_add(t, ", seen%d, ", x->scope);
			reference(p, x->src[1], t);
		}
		text_puts(t, ")");
	} else if (x->form == FORM_STORE) {
		text_add(t, "%sa.%s", tab, p->param[x->parameter].name);
		cut(p, x, t);
		text_puts(t, " = ");
		reference(p, x->src[0], t);
	} else {
		text_puts(t, tab);
		declare(p, i, t);
	}
	text_puts(t, "\n");
}

/* -- the whole --------------------------------------------------------------------------- */

static const char *const features[] = {
    "az.sympow2(x) * 0.25", "az.concat(1, x * 0.5, az.sympow2(x) * 0.25)", "az.concat(1, x)",
    "az.concat(x, x * x * 0.5)", "az.taylor2(x)"};

int feature_size(const Program *p, const Feature *f)
{
	int d = p->sym[f->from].n, pairs = d * (d + 1) / 2;
	const int size[] = {pairs, 1 + d + pairs, 1 + d, 2 * d, 1 + d + pairs};

	return size[f->kind];
}

static bool used(const Program *p, int parameter)
{
	for (int i = 0; i < p->nnodes; i++)
		if (p->node[i].live && p->node[i].parameter == parameter)
			return true;
	return false;
}

static void print_args(Program *p, Text *t)
{
	bool window = false;

	text_puts(t, "  args = {\n");
	for (int i = 0; i < p->nparams; i++) {
		const Parameter *a = &p->param[i];

		if (!used(p, i))
			continue;
		if (a->scalar)
			text_add(t, "    %s = az.scalar(\"%s\", %g),\n", a->name, a->dtype, a->mean);
		else
			text_add(t, "    %s = az.%s(\"%s\", \"%s\"", a->name,
			         a->output     ? "output"
			         : a->optional ? "optional"
			                       : "input",
			         a->dtype, a->axes);
		if (!a->scalar && !a->output)
			text_add(t, ", { mean = %g, spread = %g }", a->mean, a->spread);
		if (!a->scalar)
			text_puts(t, "),\n");
	}
	for (int i = 0; i < p->nnodes; i++)
		window |= p->node[i].live && p->node[i].form == FORM_LOOP &&
		          strstr(masks[p->node[i].mask], "a.W");
	if (window)
		text_puts(t, "    W = az.scalar(\"i32\", 20),\n");
	text_puts(t, "  },\n");
}

void program_print(Program *p, Text *t, const char *head)
{
	char tab[32] = "    ";
	int depth = 4;

	program_mark(p);
	for (int f = 0; f < p->nfeatures; f++)
		p->sym[p->feature[f].to].n = feature_size(p, &p->feature[f]);
	text_add(t, "%s\nlocal az = require \"azulejo\"\n", head);
	for (int f = 0; f < p->nfeatures; f++)
		for (int i = 0; i < p->nnodes; i++)
			if (p->node[i].live && p->node[i].form == FORM_FEATURE && p->node[i].feature == f) {
				text_add(t, "local function f%d(x) return %s end\n", f + 1,
				         features[p->feature[f].kind]);
				break;
			}
	text_add(t, "\nreturn az.kernel \"fuzz\" {\n  dims = { %s", p->dims);
	for (int s = 0; s < p->nsyms; s++)
		if (p->sym[s].kind == SYM_AXIS)
			text_add(t, ", %s = %d", p->sym[s].axis, p->sym[s].n);
		else if (p->sym[s].kind == SYM_FEATURES)
			text_add(t, ", %s = az.derived(function() return %d end)", p->sym[s].axis, p->sym[s].n);
	text_puts(t, " },\n");
	print_args(p, t);
	text_add(t, "  tune = { rows = { %d }, warps = { %d }, stages = { %d } },\n",
	         p->rows ? p->rows : 16, p->warps, p->stages);
	text_add(t, "  grid = { %s },\n  body = function(a, g, p)\n", p->grid);
	for (int i = 0; i < p->nnodes; i++) {
		const Node *x = &p->node[i];

		if (!x->live)
			continue;
		if (x->form == FORM_END)
			tab[depth -= 2] = 0, text_add(t, "%send\n", tab);
		else if (x->form == FORM_LOOP)
			loop(p, i, t, tab), memset(tab + depth, ' ', 2), tab[depth += 2] = 0;
		else
			statement(p, i, t, tab);
	}
	text_puts(t, "  end,\n}\n");
}
