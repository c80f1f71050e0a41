/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/**
 * cli_agent_start:
 *
 * Lets polkit ask for a password on this terminal, if there is one and no graphical session asks. Returns
 * when the agent is ready; it ends with this process. Without an agent the caller goes on: polkit may have
 * another.
 */
void cli_agent_start (void);

/**
 * cli_agent_stop:
 *
 * Ends the agent and waits until the terminal is as it was. Harmless if there is none.
 */
void cli_agent_stop (void);
