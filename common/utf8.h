/* utf8.h - what counts as UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef COMMON_UTF8_H
#define COMMON_UTF8_H

#include "common/base.h"

/* Bytes of the valid sequence at data, of which left (> 0) bytes are there; 0 when it is none. */
size_t utf8_len(const unsigned char *data, size_t left);

#endif
