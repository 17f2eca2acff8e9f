/** Child processes and the private files that carry their secrets. */
@NullMarked
package stet.engine.process;

import org.jspecify.annotations.NullMarked;
