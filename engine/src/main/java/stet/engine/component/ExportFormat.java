package stet.engine.component;

import java.util.Locale;

/** A form in which a captured component can be handed to other programs. */
public enum ExportFormat {
  /** An archive as of {@code pg_dump -Fc}. */
  CUSTOM,
  /** A directory as of {@code pg_dump -Fd}. */
  DIRECTORY,
  /** A script for {@code psql}. */
  SQL,
  /** The rows of one table as comma-separated values with a header, in UTF-8. */
  CSV;

  /** The word for it on the command line. */
  public String text() {
    return name().toLowerCase(Locale.ROOT);
  }
}
