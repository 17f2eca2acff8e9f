/** What the user sees: data on standard output, messages and progress on standard error. */
@NullMarked
package stet.cli.output;

import org.jspecify.annotations.NullMarked;
