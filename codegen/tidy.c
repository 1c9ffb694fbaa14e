/* tidy.c -- expressions of the generated text as a person would write them.
 *
 * Lowering composes text by substitution, with parentheses wherever they might be needed. Here each
 * expression is parsed again, whole numbers are folded, and it is printed with the parentheses that
 * C or a reader needs. maintains: the value of every expression, the order of every sum of floats.
 * What is not an expression (declarations, tables) is left as it is.
 */
#include "tidy.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

typedef enum NodeKind {
	N_ATOM,
	N_NUMBER,
	N_UNARY,
	N_BINARY,
	N_CHOICE,
	N_CALL,
	N_INDEX,
	N_CAST
} NodeKind;

enum { MAX_ARGUMENTS = 16 };

typedef struct Node Node;
struct Node {
	NodeKind kind;
	const char *text; /* atom, operator, called function, type */
	long value;       /* N_NUMBER: a whole number without a suffix */
	int n;
	Node *arg[MAX_ARGUMENTS];
};

typedef struct Parser {
	Arena *a;
	const char *p;
	int warps;
	bool failed;
} Parser;

static const struct Binary {
	const char *text;
	int level;
} binary[] = {
    {"||", 1}, {"&&", 2}, {"|", 3}, {"^", 4}, {"&", 5}, {"==", 6}, {"!=", 6}, {"<=", 7}, {">=", 7},
    {"<<", 8}, {">>", 8}, {"<", 7}, {">", 7}, {"+", 9}, {"-", 9},  {"*", 10}, {"/", 10}, {"%", 10},
};

enum {
	CHOICE = 0,
	OR = 1,
	AND = 2,
	BITS = 3,
	EQUAL = 6,
	LESS = 7,
	SHIFT = 8,
	SUM = 9,
	PRODUCT = 10,
	UNARY = 11,
	POSTFIX = 12
};

static const char *const types[] = {"i64", "int", "float", "u32", "u64", "b16"};

/* -- making nodes, folding ------------------------------------------------------------------ */

static Node *node(Parser *s, NodeKind k, const char *text)
{
	Node *x = ARENA_NEW(s->a, Node);

	x->kind = k;
	x->text = text;
	return x;
}

static Node *number(Parser *s, long v)
{
	Node *x = node(s, N_NUMBER, NULL);

	x->value = v;
	return x;
}

static bool is(const Node *x, const char *op)
{
	return x->kind == N_BINARY && !strcmp(x->text, op);
}

static bool is_number(const Node *x, long v)
{
	return x->kind == N_NUMBER && x->value == v;
}

static bool has_call(const Node *x)
{
	if (x->kind == N_CALL)
		return true;
	for (int i = 0; i < x->n; i++)
		if (has_call(x->arg[i]))
			return true;
	return false;
}

static Node *fold_numbers(Parser *s, char op, long a, long b)
{
	switch (op) {
	case '+':
		return number(s, a + b);
	case '-':
		return a >= b ? number(s, a - b) : NULL;
	case '*':
		return number(s, a * b);
	case '/':
		return b > 0 ? number(s, a / b) : NULL;
	case '%':
		return b > 0 ? number(s, a % b) : NULL;
	case '^':
		return number(s, a ^ b);
	case '&':
		return number(s, a & b);
	default:
		return NULL;
	}
}

/* The warp's number is less than the number of warps. */
static Node *fold_warp(Parser *s, char op, Node *a, Node *b)
{
	bool divided = is(a, "/") && a->arg[1]->kind == N_NUMBER;
	const Node *w = divided ? a->arg[0] : a;
	long by = divided ? a->arg[1]->value : 1;

	if (b->kind != N_NUMBER || w->kind != N_ATOM || strcmp(w->text, "warp"))
		return NULL;
	if (op == '%' && by * b->value >= s->warps)
		return by >= s->warps ? number(s, 0) : a;
	return op == '/' && by * b->value >= s->warps ? number(s, 0) : NULL;
}

static Node *binary_node(Parser *s, const char *text, Node *a, Node *b)
{
	char op = text[1] ? 0 : *text;
	Node *x = NULL;

	if (a->kind == N_NUMBER && b->kind == N_NUMBER)
		x = fold_numbers(s, op, a->value, b->value);
	else if ((strchr("+^", op ? op : ' ') && is_number(a, 0)) || (op == '*' && is_number(a, 1)))
		x = b;
	else if ((strchr("+-^", op ? op : ' ') && is_number(b, 0)) ||
	         (strchr("*/", op ? op : ' ') && is_number(b, 1)))
		x = a;
	else if ((op == '*' && is_number(b, 0) && !has_call(a)) ||
	         (op == '%' && is_number(b, 1) && !has_call(a)))
		x = number(s, 0);
	else if (strchr("*/%&", op ? op : ' ') && is_number(a, 0) && !has_call(b))
		x = number(s, 0);
	else if (op == '*' && a->kind == N_NUMBER && is(b, "*") && b->arg[0]->kind == N_NUMBER)
		return binary_node(s, "*", number(s, a->value * b->arg[0]->value), b->arg[1]);
	else if (op == '+' && b->kind == N_NUMBER && is(a, "+") && a->arg[1]->kind == N_NUMBER)
		return binary_node(s, "+", a->arg[0], number(s, a->arg[1]->value + b->value));
	else if (op == '/' || op == '%')
		x = fold_warp(s, op, a, b);
	if (x)
		return x;
	x = node(s, N_BINARY, text);
	x->arg[x->n++] = a;
	x->arg[x->n++] = b;
	return x;
}

/* -- parsing ------------------------------------------------------------------------------- */

static Node *choice(Parser *s);

static void skip(Parser *s)
{
	while (*s->p == ' ')
		s->p++;
}

static bool take(Parser *s, const char *text)
{
	size_t n = strlen(text);

	skip(s);
	if (strncmp(s->p, text, n))
		return false;
	s->p += n;
	return true;
}

static Node *fail(Parser *s)
{
	s->failed = true;
	return number(s, 0);
}

static const char *word(Parser *s)
{
	const char *from;

	skip(s);
	for (from = s->p;
	     isalnum((unsigned char)*s->p) || *s->p == '_' || (*s->p == '.' && s->p > from); s->p++)
		;
	return arena_printf(s->a, "%.*s", (int)(s->p - from), from);
}

static bool is_type(const char *w)
{
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (!strcmp(types[i], w))
			return true;
	return false;
}

static Node *literal(Parser *s)
{
	const char *from = s->p;
	char *end;
	long v = strtol(from, &end, 10);

	if (end > from && !isalnum((unsigned char)*end) && *end != '.' &&
	    (*from != '0' || end == from + 1)) {
		s->p = end;
		return number(s, v);
	}
	while (isalnum((unsigned char)*s->p) || *s->p == '.' ||
	       ((*s->p == '-' || *s->p == '+') && s->p[-1] == 'e' && from[1] != 'x'))
		s->p++;
	return node(s, N_ATOM, arena_printf(s->a, "%.*s", (int)(s->p - from), from));
}

static void arguments(Parser *s, Node *x)
{
	if (take(s, ")"))
		return;
	do {
		if (x->n == MAX_ARGUMENTS) {
			fail(s);
			return;
		}
		x->arg[x->n++] = choice(s);
	} while (take(s, ","));
	if (!take(s, ")"))
		fail(s);
}

static Node *postfix(Parser *s)
{
	Node *x;

	skip(s);
	if (isdigit((unsigned char)*s->p)) {
		x = literal(s);
	} else if (isalpha((unsigned char)*s->p) || *s->p == '_') {
		const char *w = word(s);

		x = node(s, *s->p == '(' ? N_CALL : N_ATOM, w);
		if (is_type(w) || !strcmp(w, "const"))
			return fail(s);
		if (take(s, "("))
			arguments(s, x);
	} else if (take(s, "(")) {
		x = choice(s);
		if (!take(s, ")"))
			return fail(s);
	} else {
		return fail(s);
	}
	while (!s->failed && take(s, "[")) {
		Node *y = node(s, N_INDEX, NULL);

		y->arg[y->n++] = x;
		y->arg[y->n++] = choice(s);
		if (!take(s, "]"))
			return fail(s);
		x = y;
	}
	return x;
}

static Node *unary(Parser *s)
{
	static const char *const ops[] = {"-", "!", "&", "*", "~"};
	const char *back;

	skip(s);
	for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
		if (*s->p == *ops[i] && s->p[1] != '=') {
			Node *x = node(s, N_UNARY, ops[i]);

			s->p++;
			x->arg[x->n++] = unary(s);
			return x;
		}
	back = s->p;
	if (take(s, "(")) {
		const char *w = word(s);

		if (is_type(w) && take(s, ")")) {
			Node *x = node(s, N_CAST, w);

			x->arg[x->n++] = unary(s);
			return x;
		}
		s->p = back;
	}
	return postfix(s);
}

static const struct Binary *operator_at(Parser *s)
{
	skip(s);
	for (size_t i = 0; i < sizeof binary / sizeof *binary; i++) {
		size_t n = strlen(binary[i].text);

		if (!strncmp(s->p, binary[i].text, n))
			return s->p[n] == '=' ? NULL : &binary[i];
	}
	return NULL;
}

static Node *operation(Parser *s, int level)
{
	Node *x = unary(s);
	const struct Binary *b;

	while (!s->failed && (b = operator_at(s)) && b->level >= level) {
		s->p += strlen(b->text);
		x = binary_node(s, b->text, x, operation(s, b->level + 1));
	}
	return x;
}

static Node *choice(Parser *s)
{
	Node *x = operation(s, OR), *y;

	if (s->failed || !take(s, "?"))
		return x;
	y = node(s, N_CHOICE, NULL);
	y->arg[y->n++] = x;
	y->arg[y->n++] = choice(s);
	if (!take(s, ":"))
		return fail(s);
	y->arg[y->n++] = choice(s);
	return y;
}

/* -- printing ------------------------------------------------------------------------------- */

static int level_of(const Node *x)
{
	switch (x->kind) {
	case N_CHOICE:
		return CHOICE;
	case N_UNARY:
	case N_CAST:
		return UNARY;
	case N_BINARY:
		for (size_t i = 0; i < sizeof binary / sizeof *binary; i++)
			if (!strcmp(binary[i].text, x->text))
				return binary[i].level;
		return 0;
	default:
		return POSTFIX;
	}
}

static void print(const Node *x, Text *out);

static void print_in(const Node *x, bool parens, Text *out)
{
	text_puts(out, parens ? "(" : "");
	print(x, out);
	text_puts(out, parens ? ")" : "");
}

/* Beyond what C needs: a reader knows how * and + bind, not how & and == do. */
static bool unclear(int outer, int inner)
{
	if (outer == OR)
		return inner == AND;
	if (outer >= BITS && outer < EQUAL)
		return inner < PRODUCT && inner != outer;
	return outer == SHIFT && inner == SUM;
}

static void print_binary(const Node *x, Text *out)
{
	int level = level_of(x), l = level_of(x->arg[0]), r = level_of(x->arg[1]);

	print_in(x->arg[0], l < level || unclear(level, l) || (level == PRODUCT && is(x->arg[0], "%")),
	         out);
	text_add(out, " %s ", x->text);
	print_in(x->arg[1], r <= level || unclear(level, r), out);
}

static void print(const Node *x, Text *out)
{
	switch (x->kind) {
	case N_ATOM:
		text_puts(out, x->text);
		break;
	case N_NUMBER:
		text_add(out, "%ld", x->value);
		break;
	case N_UNARY:
		text_puts(out, x->text);
		print_in(x->arg[0], level_of(x->arg[0]) < UNARY || x->arg[0]->kind == N_UNARY, out);
		break;
	case N_CAST:
		text_add(out, "(%s)", x->text);
		print_in(x->arg[0], level_of(x->arg[0]) < UNARY, out);
		break;
	case N_BINARY:
		print_binary(x, out);
		break;
	case N_CHOICE:
		print_in(x->arg[0], level_of(x->arg[0]) <= CHOICE, out);
		text_puts(out, " ? ");
		print_in(x->arg[1], level_of(x->arg[1]) <= CHOICE, out);
		text_puts(out, " : ");
		print(x->arg[2], out);
		break;
	case N_INDEX:
		print_in(x->arg[0], level_of(x->arg[0]) < POSTFIX, out);
		text_puts(out, "[");
		print(x->arg[1], out);
		text_puts(out, "]");
		break;
	case N_CALL:
		text_add(out, "%s(", x->text);
		for (int i = 0; i < x->n; i++) {
			text_puts(out, i ? ", " : "");
			print(x->arg[i], out);
		}
		text_puts(out, ")");
		break;
	}
}

void tidy_expression(Arena *a, const char *text, size_t n, int warps, Text *out)
{
	const char *copy = arena_printf(a, "%.*s", (int)n, text);
	Parser s = {a, copy, warps, false};
	Node *x = choice(&s);

	skip(&s);
	if (s.failed || *s.p)
		text_puts(out, copy);
	else
		print(x, out);
}
