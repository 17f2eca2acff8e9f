/**
 * The configuration: one declarative {@linkplain stet.cli.config.Definition definition} of its
 * keys, the reading of files and environment variables by it, and the model that commands work
 * with.
 */
@NullMarked
package stet.cli.config;

import org.jspecify.annotations.NullMarked;
