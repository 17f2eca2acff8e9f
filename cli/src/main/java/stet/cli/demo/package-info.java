/** The demonstration: a web shop that is backed up, damaged and restored on a server of its own. */
@NullMarked
package stet.cli.demo;

import org.jspecify.annotations.NullMarked;
