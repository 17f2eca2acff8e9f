/** Directory trees as components. */
@NullMarked
package stet.engine.files;

import org.jspecify.annotations.NullMarked;
