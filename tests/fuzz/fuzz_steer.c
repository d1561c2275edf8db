/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as the choices of the model that holds steering against its law; see steer_model.h. */
#include <stddef.h>
#include <stdint.h>

#include "../property/steer_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static struct model model;

	if (length == 0)
		return 0;
	memset(&model, 0, sizeof(model));
	model.bytes = bytes;
	model.bytes_left = length;
	model_init(&model);
	while (model.bytes_left > 0)
		model_step(&model);
	model_finish(&model);
	return 0;
}
