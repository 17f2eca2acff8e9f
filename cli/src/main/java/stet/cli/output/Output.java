package stet.cli.output;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import stet.repository.json.JsonObject;

/**
 * The only way to standard output and standard error: data goes to the one, messages to the other.
 * Safe for use by several threads. All text is UTF-8.
 *
 * <p>With {@code --json} standard output holds nothing but documents, one a line, and so does
 * standard error.
 */
public final class Output {
  /** How much is told. */
  public enum Level {
    /** Errors and warnings. */
    QUIET,
    /** What a person wants to know. */
    NORMAL,
    /** Also what helps to find a fault. */
    VERBOSE
  }

  /**
   * What the user asked for.
   *
   * @param json documents instead of text
   * @param level how much is told
   * @param colour whether colours may be used
   */
  public record Style(boolean json, Level level, boolean colour) {}

  private static final String ERASE_LINE = "\r\u001b[K";

  private final OutputStream out;
  private final OutputStream error;
  private final Terminal terminal;
  private final Style style;
  private @Nullable String status;

  /**
   * Writes to these streams.
   *
   * @param out standard output, unbuffered
   * @param error standard error, unbuffered
   */
  public Output(OutputStream out, OutputStream error, Terminal terminal, Style style) {
    this.out = new BufferedOutputStream(out, 1 << 16);
    this.error = error;
    this.terminal = terminal;
    this.style = style;
  }

  public Terminal terminal() {
    return terminal;
  }

  /** Whether documents are wanted instead of text. */
  public boolean json() {
    return style.json();
  }

  public Level level() {
    return style.level();
  }

  /** Writes a line of data; control characters in it are escaped. */
  public void print(String line) {
    data((Printable.line(line) + "\n").getBytes(StandardCharsets.UTF_8));
  }

  /** Writes a table to standard output. */
  public void print(Table table) {
    table.lines().forEach(this::print);
  }

  /** Writes a document to standard output, as one line. */
  public void document(JsonObject document) {
    data((document + "\n").getBytes(StandardCharsets.UTF_8));
  }

  /** Writes documents to standard output as one line with one list. */
  public void documents(List<JsonObject> documents) {
    String line = documents.stream().map(JsonObject::toString).collect(Collectors.joining(","));
    data(("[" + line + "]\n").getBytes(StandardCharsets.UTF_8));
  }

  /**
   * Writes bytes to standard output as they are.
   *
   * @throws OutputException if they cannot be written
   */
  public void data(byte[] bytes) {
    data(bytes, 0, bytes.length);
  }

  /** Writes {@code length} bytes from {@code offset} to standard output as they are. */
  public synchronized void data(byte[] bytes, int offset, int length) {
    try {
      if (terminal.output()) {
        erase();
      }
      out.write(bytes, offset, length);
      if (terminal.output()) {
        out.flush();
        draw();
      }
    } catch (IOException e) {
      throw new OutputException(e);
    }
  }

  /** Tells the user something, unless {@code -q} or {@code --json} is given. */
  public void message(String text) {
    if (style.level() != Level.QUIET && !style.json()) {
      tell(Printable.lines(text));
    }
  }

  /** Tells the user something that {@code -v} asks for. */
  public void detail(String text) {
    if (style.level() == Level.VERBOSE && !style.json()) {
      tell(Printable.lines(text));
    }
  }

  /** Tells the user of something that is not as it should be although the work goes on. */
  public void warn(String text, @Nullable String hint) {
    if (style.json()) {
      JsonObject warning = new JsonObject().put("message", text).putIfPresent("hint", hint);
      tell(new JsonObject().put("warning", warning).toString());
      return;
    }
    tell(coloured("33", "stet: warning:") + " " + Printable.lines(text));
    if (hint != null) {
      tell("hint: " + Printable.lines(hint));
    }
  }

  /**
   * Tells the user why the action failed.
   *
   * @param errors the facts, at least one
   * @param hints what to try
   */
  public void error(List<String> errors, List<String> hints) {
    for (String text : errors) {
      tell(coloured("31", "stet: error:") + " " + Printable.lines(text));
    }
    for (String hint : hints) {
      tell("hint: " + Printable.lines(hint));
    }
  }

  /** Writes a document to standard error. */
  public void errorDocument(JsonObject document) {
    tell(document.toString());
  }

  /**
   * Shows a line that the next one replaces; only on a terminal.
   *
   * @param text the line, short enough for the terminal, or null to remove it
   */
  public synchronized void status(@Nullable String text) {
    if (!showsStatus()) {
      return;
    }
    erase();
    status = text == null ? null : Printable.line(text);
    draw();
  }

  /** Whether {@link #status} shows anything. */
  public boolean showsStatus() {
    return terminal.error() && terminal.ansi() && !style.json() && style.level() != Level.QUIET;
  }

  /** Asks on standard error, leaving the cursor behind the question. */
  public synchronized void prompt(String question) {
    erase();
    status = null;
    write(Printable.lines(question) + " ");
  }

  /**
   * Passes on all data written so far.
   *
   * @throws OutputException if it cannot be written
   */
  public synchronized void flush() {
    try {
      out.flush();
    } catch (IOException e) {
      throw new OutputException(e);
    }
  }

  private synchronized void tell(String line) {
    erase();
    write(line + "\n");
    draw();
  }

  private void erase() {
    if (status != null) {
      write(ERASE_LINE);
    }
  }

  private void draw() {
    if (status != null) {
      write(status);
    }
  }

  private void write(String text) {
    try {
      error.write(text.getBytes(StandardCharsets.UTF_8));
      error.flush();
    } catch (IOException e) {
      // Nobody listens, and there is nowhere else to say so.
      status = null;
    }
  }

  private String coloured(String code, String text) {
    return style.colour() && terminal.error() && terminal.ansi()
        ? "\u001b[" + code + "m" + text + "\u001b[0m"
        : text;
  }
}
