/** Finding out whether a repository is whole. */
@NullMarked
package stet.repository.check;

import org.jspecify.annotations.NullMarked;
