/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

/* How long the name of a device may be, below /dev, with the NUL. */
#define DEVICE_MAX_NAME 128

/*
 * Whether a character device of SUBSYSTEM, as the kernel calls it in sysfs, with the number MAJOR is never for a container,
 * whoever agrees: memory, disks by another way, the machine's consoles, what stops the machine. Who knows no SUBSYSTEM ("")
 * knows nothing of the device, and has it refused. NAME is its name below /dev.
 */
bool device_is_never (const char *subsystem, const char *name, unsigned int major);

/* Whether PROPERTY, as KEY=VALUE or KEY, is one of udev's that says something of an event, and nothing of the device. */
bool device_property_is_passing (const char *property);

/* Whether NAME, below /dev, is a serial line's, and no virtual console's or terminal's. */
bool device_is_serial (const char *name);

/* Whether NAME may be the name of a node below /dev: parts of letters, digits and a few signs, none of them "." or "..". */
bool device_name_is_valid (const char *name);
