/**
 * File access over libc with byte paths, for what Java's own file API cannot do exactly, and
 * scheduling.
 */
@NullMarked
package stet.engine.posix;

import org.jspecify.annotations.NullMarked;
