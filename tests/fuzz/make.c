/* make.c -- a random program: its axes and grid, its loops and what they carry, its outputs. */
#include "make.h"
#include "from_spec.h"

#include <stdio.h>
#include <string.h>

enum { DEPTH = 3 };

/* -- dimensions -------------------------------------------------------------------------- */

static int symbol(Make *m, int kind, const char *axis, const char *text, int n)
{
	Symbol *s = &m->p->sym[m->p->nsyms];

	s->kind = kind;
	snprintf(s->axis, sizeof s->axis, "%s", axis);
	snprintf(s->text, sizeof s->text, "%s", text);
	s->n = n;
	s->loop = -1;
	return m->p->nsyms++;
}

static void features(Make *m)
{
	Program *p = m->p;

	while (p->nfeatures < MAX_FEATURES && dice_percent(m->d, 30)) {
		Feature *f = &p->feature[p->nfeatures++];
		char name[16];

		f->kind = dice_below(m->d, 5);
		f->from = dice_percent(m->d, 70) ? m->D : m->V;
		if (p->sym[f->from].n > 24) /* 2145 features, gathered one by one, take NVRTC minutes */
			p->sym[f->from].n = 16;
		snprintf(name, sizeof name, "F%d", p->nfeatures);
		f->to = symbol(m, SYM_FEATURES, name, "", 0);
		snprintf(p->sym[f->to].text, sizeof p->sym[f->to].text, "p.%s", name);
		p->sym[f->to].n = feature_size(p, f);
	}
}

/* -- outputs ----------------------------------------------------------------------------- */

static void store(Make *m, int rank, const int *dim, int value)
{
	static const char *const dtype[] = {"f32", "f32", "bf16"};
	Program *p = m->p;
	char axes[80];
	int i, a;

	if (p->nparams == MAX_PARAMETERS || !axes_text(m, p->lead, rank, dim, axes, sizeof axes))
		return;
	value = tame(m, value, 2000);
	a = parameter_add(m, m->engine && dice_percent(m->d, 50) ? "bf16" : DICE_PICK(m->d, dtype),
	                  axes, true);
	i = node_source(m, node_add(m, FORM_STORE, SORT_F32, rank, dim), value);
	p->node[i].parameter = a;
}

static int plain(Make *m)
{
	int list[MAX_SYMS], n = 0;

	for (int s = 1; s < m->p->nsyms; s++)
		if (m->p->sym[s].kind == SYM_AXIS ||
		    (m->p->sym[s].kind == SYM_FEATURES && dice_percent(m->d, 20)))
			list[n++] = s;
	return list[dice_below(m->d, n)];
}

static int get(Make *m, int carried)
{
	const Node *v = &m->p->node[carried];
	int i = node_add(m, FORM_GET, SORT_F32, v->rank, v->dim);

	m->p->node[i].carried = carried;
	return i;
}

/* A product with a state of `dim[1]` columns as its right operand; -1: there is none such. */
static int through_state(Make *m, const int *dim)
{
	for (int i = 0; i < m->p->nnodes; i++) {
		const Node *s = &m->p->node[i];

		if (s->form == FORM_STATE && s->rank == 2 && s->dim[1] == dim[1]) {
			const int left[2] = {dim[0], s->dim[0]};
			int x = want(m, 2, left, 1);

			return dot_of(m, 2, dim, x, get(m, i));
		}
	}
	return -1;
}

/* A tile that has every range in force, so that each element is written once. */
static void output(Make *m)
{
	int dim[3], n = 0, x, y;

	if (m->rows >= 0)
		dim[n++] = m->rows;
	for (int l = 0; l < m->nloops && n < 2; l++)
		dim[n++] = m->loops[l];
	if (m->nloops + (m->rows >= 0) > 2)
		return;
	if (n < 2 && m->linear && m->nloops)
		dim[n++] = m->V;
	if (n < 2 && dice_percent(m->d, 75))
		dim[n++] = plain(m);
	if (n < 2 && m->rows < 0 && !m->nloops && dice_percent(m->d, 60))
		dim[n++] = plain(m);
	if (n == 2 && dim[0] == dim[1])
		dim[1] = dim[0] == m->D ? m->V : m->D;
	x = m->linear && n == 2 ? through_state(m, dim) : -1;
	if (x < 0 || dice_percent(m->d, 50)) {
		y = want(m, n, dim, DEPTH);
		x = x < 0 ? y : map_node(m, OP_add, x, y);
	}
	store(m, n, dim, x);
}

/* -- carried tiles ----------------------------------------------------------------------- */

static int carry(Make *m)
{
	Program *p = m->p;
	bool state = m->rows < 0 && dice_percent(m->d, m->states ? 100 : 35);
	int dim[2], rank = dice_percent(m->d, 60) ? 2 : dice_percent(m->d, 70) ? 1 : 0, i;
	char axes[80];

	if (m->linear && dice_percent(m->d, 95))
		rank = 2;
	dim[0] = m->rows >= 0 ? m->rows : m->linear ? m->D : plain(m);
	state &= rank > 0;
	if (m->nloops && m->rows < 0)
		dim[0] = m->loops[m->nloops - 1];
	else if (state && p->nfeatures && dice_percent(m->d, 60))
		dim[0] = p->feature[dice_below(m->d, p->nfeatures)].to;
	dim[1] = m->linear && rank == 2 ? m->V : plain(m);
	if (p->sym[dim[0]].kind == SYM_FEATURES && p->sym[dim[1]].kind == SYM_FEATURES)
		dim[1] = m->V;
	if (dim[0] == dim[1])
		dim[1] = dim[0] == m->D ? m->V : m->D;
	i = node_add(m, state ? FORM_STATE : FORM_VAR, SORT_F32, rank, dim);
	p->node[i].number = state || dice_percent(m->d, 80) ? 0 : 0.5;
	if (state && !m->nloops && dice_percent(m->d, 35) &&
	    axes_text(m, p->lead, rank, dim, axes, sizeof axes)) {
		p->node[i].parameter = parameter_add(m, "f32", axes, false);
		p->param[p->node[i].parameter].optional = true;
		p->param[p->node[i].parameter].spread = 0.25;
	}
	return i;
}

static int effect(Make *m, Form f, int carried, int x)
{
	int i = node_source(m, node_add(m, f, SORT_F32, 0, NULL), x);

	m->p->node[i].carried = carried;
	return i;
}

/* What changes in a turn of a loop; elements stay of the size of some turns' sum. */
static void change(Make *m, int carried)
{
	Program *p = m->p;
	Node *v = &p->node[carried];
	int dim[2] = {v->dim[0], v->dim[1]}, rank = v->rank, x;

	if (v->form == FORM_STATE) {
		if (dice_percent(m->d, 40)) {
			int one[2] = {dim[0], 0}; /* symbol 0 is 1 */

			x = rank == 2 && dice_percent(m->d, 50) ? want(m, 1, one, 1) : want(m, 0, NULL, 1);
			x = map_node(m, OP_sigmoid, x, -1);
			if (p->node[x].rank == 1 && rank == 2)
				x = node_source(m, node_add(m, FORM_COL, SORT_F32, 2, one), x);
			effect(m, FORM_DECAY, carried, x);
		}
		if (m->linear && rank == 2 && m->nloops) {
			const int n = m->loops[m->nloops - 1], left[2] = {n, dim[0]}, right[2] = {n, dim[1]};

			x = want(m, 2, left, p->sym[dim[0]].kind == SYM_FEATURES ? 0 : 1);
			x = transposed(m, p->sym[dim[0]].kind == SYM_FEATURES ? x : tame(m, x, 1));
			x = product_of(m, 2, dim, x, tame(m, want(m, 2, right, 1), 1));
			effect(m, FORM_ADD, carried, x); /* as it is: it may have features */
			return;
		}
		effect(m, FORM_ADD, carried, tame(m, want(m, rank, dim, DEPTH), 8));
		return;
	}
	x = tame(m, want(m, rank, dim, DEPTH), 8);
	switch (dice_below(m->d, 4)) {
	case 0:
		effect(m, FORM_SET, carried,
		       map_node(m, OP_add, map_number(m, OP_mul, get(m, carried), 0.5, false), x));
		return;
	case 1:
		effect(m, FORM_SET, carried,
		       map_node(m, dice_percent(m->d, 50) ? OP_max : OP_min, get(m, carried), x));
		return;
	default:
		effect(m, FORM_ADD, carried, x);
	}
}

/* Of the grid's rows and the loop's; often as a product of what belongs to either. */
static int scores(Make *m)
{
	const int dim[2] = {m->rows, m->loops[0]}, left[2] = {dim[0], m->D}, right[2] = {dim[1], m->D};
	int x;

	if (dice_percent(m->d, m->engine ? 40 : 75))
		return want(m, 2, dim, DEPTH);
	x = want(m, 2, left, 1);
	return dot_of(m, 2, dim, x, transposed(m, want(m, 2, right, 1)));
}

/* The same where chunks in which nothing is seen may be skipped: nothing changes there. */
static void change_seen(Make *m, int seen, int carried)
{
	Program *p = m->p;
	Node *v = &p->node[carried];
	const int values[2] = {m->loops[0], v->dim[1]};
	int x, y;

	if (v->form == FORM_SOFTMAX) {
		x = tame(m, scores(m), 2);
		y = factor(m, want(m, 2, values, 1), 4);
		node_source(m, effect(m, FORM_STEP, carried, x), y);
		return;
	}
	if (v->rank == 0)
		return;
	x = tame(m, scores(m), 8);
	if (v->rank == 2) {
		x = select_seen(m, seen, x, false);
		y = factor(m, want(m, 2, values, DEPTH - 1), 8);
		x = node_source(m, node_source(m, node_add(m, FORM_DOT, SORT_F32, 2, v->dim), x), y);
		effect(m, FORM_ADD, carried, x);
		return;
	}
	y = dice_percent(m->d, 50);
	x = select_seen(m, seen, x, y);
	x = node_source(m, node_add(m, FORM_REDUCE, SORT_F32, 1, v->dim), x);
	p->node[x].text = y ? "rowmax" : "rowsum";
	if (y)
		effect(m, FORM_SET, carried, map_node(m, OP_max, get(m, carried), x));
	else
		effect(m, FORM_ADD, carried, x);
}

/* -- loops ------------------------------------------------------------------------------- */

static int open_loop(Make *m, const char *axis, int chunk)
{
	int s, i;
	char text[24];

	snprintf(text, sizeof text, "n%d", m->p->nsyms);
	s = symbol(m, SYM_LOOP, axis, text, chunk);
	i = node_add(m, FORM_LOOP, SORT_F32, 1, &s);
	m->p->sym[s].loop = i;
	m->loops[m->nloops++] = s;
	m->scope = i;
	return i;
}

static void close_loop(Make *m)
{
	int i = m->scope;

	m->scope = m->p->node[i].scope;
	m->nloops--;
	m->p->node[node_add(m, FORM_END, SORT_F32, 0, NULL)].carried = i;
}

static void finish_softmax(Make *m, int carried)
{
	Node *v = &m->p->node[carried];
	int i = node_add(m, FORM_OUT, SORT_F32, 2, v->dim);

	m->p->node[i].carried = carried;
	store(m, 2, m->p->node[i].dim, i);
	if (dice_percent(m->d, 50)) {
		i = node_add(m, FORM_LSE, SORT_F32, 1, m->p->node[carried].dim);
		m->p->node[i].carried = carried;
		store(m, 1, m->p->node[i].dim, i);
	}
}

static void finish(Make *m, const int *carried, int n)
{
	for (int i = 0; i < n; i++) {
		const Node *v = &m->p->node[carried[i]];

		if (v->form == FORM_SOFTMAX)
			finish_softmax(m, carried[i]);
		else if (v->rank || (m->rows < 0 && !m->nloops))
			store(m, v->rank, v->dim, get(m, carried[i]));
	}
}

static void loop(Make *m, const char *axis, int chunk)
{
	Program *p = m->p;
	bool masked = m->rows >= 0 && dice_percent(m->d, 45), inner;
	int carried[3], n = 1 + dice_below(m->d, 3), at, seen = -1;

	for (int i = 0; i < n; i++) {
		const int dim[2] = {m->rows, m->V};

		carried[i] = masked && dice_percent(m->d, 40) ? node_add(m, FORM_SOFTMAX, SORT_F32, 2, dim)
		                                              : carry(m);
	}
	at = open_loop(m, axis, chunk);
	inner = m->nloops > 1;
	if (masked) {
		const int dim[2] = {m->rows, m->loops[0]};

		p->node[at].mask = 1 + dice_below(m->d, 8);
		seen = node_add(m, FORM_SEEN, SORT_MASK, 2, dim);
		p->node[seen].carried = at;
	} else {
		p->node[at].reverse = dice_percent(m->d, 15);
	}
	if (!masked && !inner && dice_percent(m->d, m->linear ? 50 : m->rows < 0 ? 65 : 15))
		output(m);
	for (int i = 0; i < n; i++)
		if (masked)
			change_seen(m, seen, carried[i]);
		else
			change(m, carried[i]);
	if (!masked && !inner && dice_percent(m->d, m->linear ? 70 : m->rows < 0 ? 40 : 10))
		output(m);
	close_loop(m);
	finish(m, carried, n);
}

/* -- the whole --------------------------------------------------------------------------- */

static int size_of(Make *m)
{
	static const int n[] = {8, 8, 16, 16, 16, 24, 32, 40, 64};

	return m->engine && dice_percent(m->d, 60) ? dice_percent(m->d, 60) ? 32 : 64
	                                           : DICE_PICK(m->d, n);
}

static bool stores(const Program *p)
{
	for (int i = 0; i < p->nnodes; i++)
		if (p->node[i].form == FORM_STORE)
			return true;
	return false;
}

/* Whether its loop may be cut in segments, as far as a glance shows. */
static bool cuttable(const Program *p)
{
	bool state = false;

	for (int i = 0; i < p->nnodes; i++) {
		state |= p->node[i].form == FORM_STATE;
		if (p->node[i].form == FORM_VAR)
			return false;
	}
	return state;
}

static void settings(Make *m, Case *c, bool rows, bool other, int row, int chunk)
{
	Dice *d = m->d;
	int n = snprintf(c->set, sizeof c->set, "B=%d", 1 + dice_below(d, 2)), big = 4 * chunk + 7;

	if (m->groups)
		n += snprintf(c->set + n, sizeof c->set - (size_t)n, ",G=%d,R=%d", 1 + dice_below(d, 2),
		              1 + dice_below(d, 2));
	else if (m->heads)
		n += snprintf(c->set + n, sizeof c->set - (size_t)n, ",H=%d", 1 + dice_below(d, 2));
	if (rows)
		n += snprintf(c->set + n, sizeof c->set - (size_t)n, ",M=%d",
		              awkward_size(d, row, 2 * row + 9));
	if (other)
		n += snprintf(c->set + n, sizeof c->set - (size_t)n, ",N=%d",
		              awkward_size(d, chunk, big > 150 ? 150 : big));
	if (dice_percent(d, 30))
		n += snprintf(c->set + n, sizeof c->set - (size_t)n, ",dtype=f16");
	if (other && !rows && dice_percent(d, cuttable(m->p) ? (m->linear ? 20 : 40) : 2))
		snprintf(c->set + n, sizeof c->set - (size_t)n, ",segments=%d", 2 + dice_below(d, 5));
	for (int i = 0; i < m->p->nparams; i++) {
		size_t at = strlen(c->with);

		if (m->p->param[i].optional && dice_percent(d, 60))
			snprintf(c->with + at, sizeof c->with - at, "%s%s", at ? "," : "", m->p->param[i].name);
	}
	c->bnhd = dice_percent(d, 30);
	c->align = dice_percent(d, m->engine ? 95 : 85) ? 0 : 2 << dice_below(d, 3);
	c->seed = (unsigned long)dice_below(d, 1000);
	c->orders = dice_percent(d, 30) ? 1 + (unsigned long)dice_below(d, 1000) : 0;
	c->build = dice_percent(d, 4);
	c->generated = true;
	snprintf(c->gpu, sizeof c->gpu, "%s", any_gpu(d, m->engine));
}

/* What a program is: with the grid's rows or without, with loops over N or without. */
static const struct Shape {
	int percent;
	bool rows, loops, nested;
} shapes[] = {{36, true, true, false},
              {36, false, true, false},
              {10, true, false, false},
              {8, false, true, true},
              {10, false, false, false}};

void program_make(Dice *d, Program *p, Case *c)
{
	static const int chunks[] = {16, 16, 32, 32, 64, 48, 8, 1}, rows[] = {16, 32, 64, 64},
	                 warps[] = {4, 4, 4, 8, 2, 1};
	Make m = {.d = d, .p = p, .scope = -1, .rows = -1};
	int roll = dice_below(d, 100), chunk;
	const struct Shape *s = shapes;

	memset(p, 0, sizeof *p);
	memset(c, 0, sizeof *c);
	for (; roll >= s->percent; s++)
		roll -= s->percent;
	symbol(&m, SYM_ONE, "", "1", 1);
	m.engine = dice_percent(d, 40);
	m.groups = dice_percent(d, 15);
	m.heads = m.groups || dice_percent(d, 70);
	m.D = symbol(&m, SYM_AXIS, "D", "p.D", size_of(&m));
	m.V = symbol(&m, SYM_AXIS, "V", "p.V", size_of(&m));
	chunk = m.engine && dice_percent(d, 70) ? 64 : DICE_PICK(d, chunks);
	p->warps = m.engine && dice_percent(d, 70) ? 4 : DICE_PICK(d, warps);
	p->stages = 1 + dice_below(d, 3);
	if (m.engine && p->stages == 1)
		p->stages = 1 + dice_below(d, 2);
	p->rows = m.engine && dice_percent(d, 60) ? 64 : DICE_PICK(d, rows);
	snprintf(p->lead, sizeof p->lead, "%s", m.groups ? "B (G R)" : m.heads ? "B H" : "B");
	snprintf(p->dims, sizeof p->dims, "\"B\"%s%s%s",
	         m.groups  ? ", \"G\", \"R\""
	         : m.heads ? ", \"H\""
	                   : "",
	         s->rows || s->nested ? ", \"M\"" : "", s->loops ? ", \"N\"" : "");
	snprintf(p->grid, sizeof p->grid, "\"B\"%s%s",
	         m.groups  ? ", \"G\", \"R\""
	         : m.heads ? ", \"H\""
	                   : "",
	         s->rows ? ", M = \"rows\"" : "");
	features(&m);
	m.linear = !s->rows && !s->nested && dice_percent(d, m.engine ? 60 : 20);
	m.states = m.linear || dice_percent(d, 30);
	m.budget = 3 + dice_below(d, 20);
	if (s->rows)
		m.rows = symbol(&m, SYM_GRID, "M", "g.M", p->rows);
	if (s->nested)
		open_loop(&m, "M", p->rows);
	if (s->loops) {
		loop(&m, "N", chunk);
		if (!s->nested && dice_percent(d, m.linear ? 5 : 15)) {
			m.budget += 6;
			loop(&m, "N", chunk);
		}
	} else {
		for (int n = 1 + dice_below(d, 3); n > 0; n--)
			output(&m);
	}
	if (s->nested)
		close_loop(&m);
	m.nloops = 0;
	while (!stores(p))
		output(&m);
	settings(&m, c, s->rows || s->nested, s->loops, p->rows, chunk);
}
