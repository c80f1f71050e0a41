/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The tables "bothy" as such: what never changes. Nics and forwarded ports are elements of
 * their sets and maps, so that one more costs the same however many there are, and so
 * that no nic's rules can come before or after another's.
 */

/* Every host's end is called so, and what is called so is filtered whatever the sets say. */
#define RULES_PREFIX "bothy-"

/* Commands that make the tables, or put their chains back as they have to be; elements stay. */
extern const char rules_text[];
