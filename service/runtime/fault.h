/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "protocol.h"

#include <errno.h>
#include <stdbool.h>

/* What went wrong and where: ERROR is an errno value, 0 means that all is well. */
struct fault {
  uint32_t step; /* enum supervisor_step */
  int32_t error;
  int32_t which; /* of several that the step goes through, counted from 0 */
};

#define NO_FAULT ((struct fault){ SUPERVISOR_STEP_NONE, 0, 0 })

/* A fault at STEP; ERROR is an errno value of either sign, so a negative return value may be passed on. */
static inline struct fault
fault_at (enum supervisor_step step, int error)
{
  return (struct fault){ step, error < 0 ? -error : error, 0 };
}

/* The request itself is at fault, and nothing was done: STEP_REQUEST with ERROR. */
static inline struct fault
fault_of_request (int error)
{
  return fault_at (SUPERVISOR_STEP_REQUEST, error);
}

/* Whether FAULT is one. */
static inline bool
is_fault (struct fault fault)
{
  return fault.error != 0;
}
