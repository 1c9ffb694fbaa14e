/* dev.h -- the device IR: statements of one kernel, nearly as they will be printed.
 *
 * A leaf statement is one line of C; what it does to shared memory is said beside it, so that the
 * passes after lowering need not read text. Loops and conditions hold statements. Requires: an
 * `atomic` statement contains no place where all threads of the block meet (a cooperative copy
 * loop, a condition on the thread), so barriers go before it, never inside.
 */
#ifndef AZ_DEV_H
#define AZ_DEV_H

#include "compile.h"
#include "ir.h"

/* A tile in shared memory: panels of `pcols` elements, each `rows` lines of `pbytes` bytes, whose
 * 16-byte units are swizzled by XOR with address bits 7.. (the hardware's own 32/64/128-byte
 * modes), so that 8 rows of one column unit fall into 8 different bank groups. */
typedef struct Buffer {
	const char *name;       /* "k_s": also the name of its address in the text */
	int rows, cols;         /* allocated extents: multiples of what its readers' fragments cover */
	int elem;               /* bytes of an element */
	int pcols, pbytes;      /* panel width in elements and bytes */
	int swizzle;            /* 0, 1, 3 or 7: mask of the units XORed */
	int stages;             /* ring of copies, >= 1 */
	int bytes;              /* of one stage */
	int offset;             /* set by allocate */
	bool proxied;           /* some access is ACC_PROXY */
	int barriers, arrivals; /* it holds barriers, of so many arrivals each */
	bool by_engine;         /* filled by the copy engine, ordered by barriers of its own */
	bool by_turns;          /* two copies: a write does not meet the reads of the turn before */
	const char *lane;       /* name of where a lane's part of a copy begins, or NULL */
	int copies;             /* those who take turns have one each, of `apart` bytes; else 0 */
	int apart;              /* set by allocate */
	bool left;              /* read for the last time; an output has its place */
	bool whole;             /* some warp reads rows that are not its own warpgroup's */
	int used_cols; /* columns the copies fill, the others are zeroed once; 0: threads fill all */
	int id;
} Buffer;

/* ACC_PROXY: a read by the asynchronous engines, which see ordinary writes only behind a fence. */
typedef enum AccessKind { ACC_READ, ACC_WRITE, ACC_ASYNC, ACC_PROXY } AccessKind;

typedef struct Access {
	Buffer *buf;
	AccessKind kind;
} Access;

typedef enum StmtKind {
	S_CODE,    /* one line, text */
	S_FOR,     /* text is the header: "for (...)"; body */
	S_IF,      /* text is the condition; body, orelse */
	S_SCOPE,   /* body, always */
	S_ROLES,   /* text is the condition; body for one role, orelse for the other */
	S_COMMENT, /* a spec line */
	S_COMMIT,  /* cp_async_commit */
	S_WAIT,    /* cp_async_wait: n groups may be pending */
	S_BARRIER, /* block_sync; made by sync alone, as is */
	S_PROXY,   /* proxy_fence; of an access, when engines read that buffer */
	S_WARP,    /* warp_sync; n: needed, as sync finds of one before a lane speaks for its warp */
	S_BLANK
} StmtKind;

enum { MAX_BUFFERS = 24, MAX_TABLES = 8, MAX_ACCESSES = 3 * MAX_BUFFERS };

typedef struct Stmt Stmt;

typedef struct Block Block;
struct Block {
	Stmt *first, *last;
	Block *outer; /* of the statement whose it is; NULL: not told */
};

struct Stmt {
	StmtKind kind;
	const char *text;
	Block body, orelse;
	bool atomic, unroll;
	bool settles;       /* all products in flight have read what they read */
	bool uniform;       /* a run-time loop or condition that is the same in all threads */
	bool entered_clean; /* such a loop whose turns have no barrier for what precedes it */
	int n, threads;     /* S_BARRIER: 0, or a role's barrier and its threads */
	bool shifted;       /* each warpgroup of the second role has one */
	int nacc;
	Access acc[MAX_ACCESSES];
	Stmt *next;
};

/* A constant table beside the kernel. */
typedef struct Table {
	const char *name, *text;
} Table;

typedef struct Dev {
	const Kernel *k;
	const GpuTarget *gpu;
	Arena *arena;
	const char *name; /* of the kernel */
	Block body;
	int nbufs, ntables, warps, min_blocks;
	int roles; /* 1, or 2: of `warps` warps and last_warps others, or of keepers and takers */
	int last_warps;
	int keepers;        /* warps of a role of their own, beside `warps` others; 0: not so */
	int takers;         /* of the other role so many warpgroups, which take turns; at least 1 */
	double products[2]; /* multiplications of products, by warps and by warpgroups */
	Buffer *buf[MAX_BUFFERS];
	Table table[MAX_TABLES];
	int smem;        /* bytes, set by allocate */
	KernelText text; /* parameters and grid */
} Dev;

int dev_threads(const Dev *d);
void dev_append(Block *b, Stmt *s);
void dev_insert(Block *b, Stmt *after, Stmt *s); /* after NULL: at the beginning */
void dev_splice(Block *b, Stmt *after, const Block *from);
Stmt *dev_add(Dev *d, Block *b, StmtKind kind, const char *text);
Buffer *dev_buffer(Dev *d, const char *name, int rows, int cols, int elem, int stages);
void dev_access(Stmt *s, Buffer *b, AccessKind k);
/* Index of the parameter, added at first use. */
const char *dev_param(Dev *d, ParamKind kind, int arg, int axis, Dtype dt, const char *name);

/* Passes over the device IR. */
void sync_insert(Dev *d);   /* sync.c: barriers, and only it */
void allocate_smem(Dev *d); /* allocate.c */
void dev_print(const Dev *d, Text *out);

#endif
