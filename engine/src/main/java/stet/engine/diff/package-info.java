/** What differs between two states of an application. */
@NullMarked
package stet.engine.diff;

import org.jspecify.annotations.NullMarked;
