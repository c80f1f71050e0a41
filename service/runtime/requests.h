/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "supervisor.h"

/*
 * Reads one message of the broker's and does what it asks for; returns at once when there is none. A request
 * is answered with a SUPERVISOR_REPLY of its serial, now or when what it waits for has happened. A broker
 * that hung up or cannot be read from is disconnected.
 */
void requests_handle (struct supervisor *supervisor);
