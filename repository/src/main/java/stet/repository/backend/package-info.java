/** Where a repository's files are stored. */
@NullMarked
package stet.repository.backend;

import org.jspecify.annotations.NullMarked;
