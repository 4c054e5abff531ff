/* The page of html.c, as it is. Found from the Makefile's folder. */
#ifdef __CET__
#include <cet.h>
#endif
	.section .rodata
	.globl pool_html_page
	.type pool_html_page, @object
pool_html_page:
	.incbin "lib/report/dashboard.html"
	.size pool_html_page, . - pool_html_page
	.globl pool_html_page_end
	.type pool_html_page_end, @object
pool_html_page_end:
	.byte 0
	.size pool_html_page_end, 1
	.section .note.GNU-stack, "", @progbits
