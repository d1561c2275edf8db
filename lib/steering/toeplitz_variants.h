/* SPDX-License-Identifier: BSD-3-Clause */
/* The variants of the Toeplitz hash, for toeplitz.c to choose from; see toeplitz.h. */
#ifndef WEIR_STEERING_TOEPLITZ_VARIANTS_H
#define WEIR_STEERING_TOEPLITZ_VARIANTS_H

#include "steering/toeplitz.h"

extern const struct toeplitz_variant toeplitz_variant_avx512; /* VPCLMULQDQ, 4 packets a step */
extern const struct toeplitz_variant toeplitz_variant_avx2; /* VPCLMULQDQ, 2 packets a step */
extern const struct toeplitz_variant toeplitz_variant_clmul; /* PCLMULQDQ */
extern const struct toeplitz_variant toeplitz_variant_tables; /* any CPU */
extern const struct toeplitz_variant toeplitz_variant_reference;

#endif
