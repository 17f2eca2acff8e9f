/**
 * JSON as the repository's files hold it: written byte for byte as Go's encoder does, read
 * strictly.
 */
@NullMarked
package stet.repository.json;

import org.jspecify.annotations.NullMarked;
