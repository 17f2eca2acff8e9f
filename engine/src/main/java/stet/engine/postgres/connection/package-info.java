/**
 * Connections to PostgreSQL servers: how one is named, found and made, and what is said over it.
 */
@NullMarked
package stet.engine.postgres.connection;

import org.jspecify.annotations.NullMarked;
