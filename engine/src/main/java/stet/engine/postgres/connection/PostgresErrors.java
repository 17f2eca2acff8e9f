package stet.engine.postgres.connection;

import java.sql.SQLException;
import java.util.Objects;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.postgresql.util.PSQLException;
import org.postgresql.util.ServerErrorMessage;
import stet.engine.ErrorCode;
import stet.engine.StetException;

/** The server's errors in our words. */
public final class PostgresErrors {
  /** What to do where something stands between us and the server. */
  static final String POOLER_HINT =
      "Name the server's own address and port in url. A pooler such as PgBouncer may run each"
          + " transaction in another session, which loses exported snapshots, locks and settings.";

  /**
   * Classes 08 (connections), 53 (resources) and 57 (intervention), the input and output of class
   * 58, and 55P03: a lock was not to be had. A file that is not there (58P01) is damage.
   */
  private static final Pattern TROUBLE = Pattern.compile("(08|53|57).*|58030|55P03");

  private PostgresErrors() {}

  /** An error of the source or target, or the interruption that caused it. */
  public static StetException failed(String what, SQLException e) {
    if (Thread.currentThread().isInterrupted()) {
      return new StetException(ErrorCode.INTERRUPTED, "interrupted: " + what, null, e);
    }
    return new StetException(ErrorCode.SOURCE, what + ": " + text(e), hint(e), e);
  }

  /** The server's message with its detail, or the driver's. */
  public static String text(SQLException e) {
    if (e instanceof PSQLException postgres) {
      ServerErrorMessage server = postgres.getServerErrorMessage();
      if (server != null && server.getMessage() != null) {
        String detail = server.getDetail();
        String where = server.getWhere();
        return server.getMessage()
            + (detail == null ? "" : " (" + detail + ")")
            + (where == null ? "" : " [" + where.lines().findFirst().orElse("") + "]");
      }
    }
    String message = Objects.requireNonNullElse(e.getMessage(), e.getClass().getSimpleName());
    Throwable cause = e.getCause();
    return cause == null || cause.getMessage() == null || message.contains(cause.getMessage())
        ? message
        : message + " (" + cause.getMessage() + ")";
  }

  private static @Nullable String hint(SQLException e) {
    if (e instanceof PSQLException postgres) {
      ServerErrorMessage server = postgres.getServerErrorMessage();
      if (server != null && server.getHint() != null) {
        return server.getHint();
      }
    }
    String known = hint(text(e));
    if (known != null) {
      return known;
    }
    return switch (Objects.requireNonNullElse(e.getSQLState(), "")) {
      case "53100" -> "The server's disk is full; free space on it and try again.";
      case "53300" -> "The server has no free connection; use fewer workers.";
      case "57P01", "57P02", "57P03", "08006", "08003" ->
          "The server ended the connection; see its log for the reason.";
      default -> null;
    };
  }

  /** What to try, for errors that are known by their text alone, such as those of programs. */
  public static @Nullable String hint(String message) {
    return message.contains("security label provider")
        ? "Load the provider's library, as on the source: it goes into shared_preload_libraries."
        : null;
  }

  /** Whether the server failed because some text was to be longer than its memory has room for. */
  public static boolean isTooLong(SQLException e) {
    return is(e, "54000")
        || (is(e, "XX000")
            && String.valueOf(e.getMessage()).contains("invalid memory alloc request size"));
  }

  /**
   * Whether the server, or a program that speaks to it, could not do what it was asked to for
   * reasons of its own (a full disk, no memory, a time-out, its administrator, a connection that is
   * gone), so that nothing is known of the data.
   */
  public static boolean isTrouble(Exception e) {
    for (Throwable cause = e; cause != null; cause = cause.getCause()) {
      String state = cause instanceof SQLException sql ? sql.getSQLState() : null;
      if (state != null && TROUBLE.matcher(state).matches()) {
        return true;
      }
      // Programs tell no SQLSTATE.
      if (String.valueOf(cause.getMessage()).contains("No space left on device")) {
        return true;
      }
    }
    return false;
  }

  /** Whether the error carries this SQLSTATE. */
  public static boolean is(SQLException e, String state) {
    return state.equals(e.getSQLState());
  }
}
