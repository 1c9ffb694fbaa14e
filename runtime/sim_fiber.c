/* sim_fiber.c -- fibers: a stack each, and a switch that saves what the callee must keep.
 *
 * x86-64 and aarch64 by hand (a switch costs a few nanoseconds; every warp collective takes 32);
 * elsewhere ucontext.
 */
#define _GNU_SOURCE
#include "sim_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void *sim_stack_new(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *p = mmap(NULL, size + page, PROT_READ | PROT_WRITE,
	               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED) {
		fputs("azulejo: simulator: out of memory\n", stderr);
		abort();
	}
	mprotect(p, page, PROT_NONE);
	return p + page;
}

#if defined(__x86_64__)

/* void sim_fiber_switch(void **save, void *to) */
__asm__(".text\n.globl sim_fiber_switch\n.hidden sim_fiber_switch\n"
        ".type sim_fiber_switch, @function\n"
        "sim_fiber_switch:\n"
        "\tpushq %rbp\n\tpushq %rbx\n\tpushq %r12\n\tpushq %r13\n\tpushq %r14\n\tpushq %r15\n"
        "\tmovq %rsp, (%rdi)\n\tmovq %rsi, %rsp\n"
        "\tpopq %r15\n\tpopq %r14\n\tpopq %r13\n\tpopq %r12\n\tpopq %rbx\n\tpopq %rbp\n"
        "\tret\n"
        ".size sim_fiber_switch, .-sim_fiber_switch\n");

/* The ABI wants rsp = 8 mod 16 on entry to `start`. */
void *sim_fiber_prepare(void *stack, size_t size, void (*start)(void))
{
	void **sp = (void **)((char *)stack + size) - 2;

	memset(sp - 6, 0, 8 * sizeof *sp);
	memcpy(sp, &start, sizeof start);
	return sp - 6;
}

#elif defined(__aarch64__)

__asm__(".text\n.globl sim_fiber_switch\n.hidden sim_fiber_switch\n"
        ".type sim_fiber_switch, %function\n"
        "sim_fiber_switch:\n"
        "\tsub sp, sp, #160\n"
        "\tstp x19, x20, [sp, #0]\n\tstp x21, x22, [sp, #16]\n\tstp x23, x24, [sp, #32]\n"
        "\tstp x25, x26, [sp, #48]\n\tstp x27, x28, [sp, #64]\n\tstp x29, x30, [sp, #80]\n"
        "\tstp d8, d9, [sp, #96]\n\tstp d10, d11, [sp, #112]\n"
        "\tstp d12, d13, [sp, #128]\n\tstp d14, d15, [sp, #144]\n"
        "\tmov x9, sp\n\tstr x9, [x0]\n\tmov sp, x1\n"
        "\tldp x19, x20, [sp, #0]\n\tldp x21, x22, [sp, #16]\n\tldp x23, x24, [sp, #32]\n"
        "\tldp x25, x26, [sp, #48]\n\tldp x27, x28, [sp, #64]\n\tldp x29, x30, [sp, #80]\n"
        "\tldp d8, d9, [sp, #96]\n\tldp d10, d11, [sp, #112]\n"
        "\tldp d12, d13, [sp, #128]\n\tldp d14, d15, [sp, #144]\n"
        "\tadd sp, sp, #160\n\tret\n"
        ".size sim_fiber_switch, .-sim_fiber_switch\n");

void *sim_fiber_prepare(void *stack, size_t size, void (*start)(void))
{
	char *sp = (char *)stack + size - 160;

	memset(sp, 0, 160);
	memcpy(sp + 88, &start, sizeof start); /* x30 */
	return sp;
}

#else
#include <ucontext.h>

/* A "stack pointer" is a ucontext at the low end of its stack. */
void *sim_fiber_prepare(void *stack, size_t size, void (*start)(void))
{
	ucontext_t *u = stack;

	getcontext(u);
	u->uc_stack.ss_sp = u + 1;
	u->uc_stack.ss_size = size - sizeof *u;
	u->uc_link = NULL;
	makecontext(u, start, 0);
	return u;
}

void sim_fiber_switch(void **save, void *to)
{
	static ucontext_t home;
	ucontext_t *from = *save ? *save : &home;

	*save = from;
	swapcontext(from, to);
}
#endif
