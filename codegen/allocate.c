/* allocate.c -- gives every shared buffer its offset.
 * requires: all buffers known. Each starts on a 1024-byte line, so that a swizzle of address bits
 * 7-9 is the same whether it is computed on the offset in the buffer or on the address.
 */
#include "dev.h"

void allocate_smem(Dev *d)
{
	int at = 0;

	for (int i = 0; i < d->nbufs; i++) {
		Buffer *b = d->buf[i];
		int align = b->swizzle ? 1024 : 128;

		if (b->stages > 1 && b->swizzle)
			b->bytes = (b->bytes + align - 1) / align * align;
		at = (at + align - 1) / align * align;
		b->offset = at;
		b->apart = (b->bytes * b->stages + align - 1) / align * align;
		at += b->copies ? b->apart * b->copies : b->bytes * b->stages;
	}
	d->smem = at;
	d->text.smem = at;
	if (at > d->gpu->smem_block)
		diag_fail(d->k->diag, (Loc){d->k->file, 0},
		          "the tiles need %d bytes of shared memory, the GPU gives a block %d; "
		          "use smaller tune values (fewer stages, shorter chunks)",
		          at, d->gpu->smem_block);
}
