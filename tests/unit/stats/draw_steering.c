/* SPDX-License-Identifier: BSD-3-Clause */
/* JSON on stdin, the picture of it on stdout: for test_steering_svg.py. */
#include <stdio.h>

#include "stats/steering_svg.h"

int main(void)
{
	json_t *object = json_loadf(stdin, JSON_DECODE_ANY, NULL);

	if (object == NULL)
		return 2;
	steering_svg(stdout, object);
	json_decref(object);
	return ferror(stdout) ? 1 : 0;
}
