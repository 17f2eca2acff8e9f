/** What a database holds, as its server tells it and as a snapshot keeps it. */
@NullMarked
package stet.engine.postgres.catalog;

import org.jspecify.annotations.NullMarked;
