/** What a command is given: the global options, the configuration, output, consent, signals. */
@NullMarked
package stet.cli.session;

import org.jspecify.annotations.NullMarked;
