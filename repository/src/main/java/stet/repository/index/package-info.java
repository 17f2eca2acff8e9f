/** Where each blob is: the index in memory and its files. */
@NullMarked
package stet.repository.index;

import org.jspecify.annotations.NullMarked;
