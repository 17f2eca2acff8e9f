package stet.cli.config;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.process.ChildProcess;
import stet.repository.backend.Reason;

/**
 * A secret, or where to get it. Its text appears nowhere but in what {@link #reveal()} returns.
 *
 * <p>White space around what a file or command gives is removed, as restic does.
 */
public sealed interface Secret {
  /**
   * The secret's text; reads the file or runs the command.
   *
   * @throws StetException with {@code CONFIGURATION} if there is none
   */
  String reveal();

  /** How the secret is given, fit to be shown: {@code ***}, the file's path, the program. */
  @Override
  String toString();

  /** How the secret is given under {@code key}; a connection's description without its password. */
  default String shown(String key) {
    return toString();
  }

  /** A secret given as text. */
  static Secret text(String text) {
    return new Text(text);
  }

  /**
   * A secret in a file.
   *
   * @param origin what asks for it, for messages
   */
  static Secret file(Path file, String origin) {
    return new InFile(file, origin);
  }

  /**
   * A secret that a program prints.
   *
   * @param command the program and its arguments; no shell is involved
   * @param origin what asks for it, for messages
   */
  static Secret command(List<String> command, String origin) {
    return new FromCommand(command, origin);
  }

  /**
   * A secret that a program prints, given as one text that is split as restic splits {@code
   * RESTIC_PASSWORD_COMMAND}.
   *
   * @throws StetException with {@code USAGE} if it cannot be split
   */
  static Secret commandLine(String text, String origin) {
    try {
      return command(Restic.split(text), origin);
    } catch (Unusable e) {
      throw new StetException(ErrorCode.USAGE, origin + ": " + e.getMessage(), e.hint(), e);
    }
  }

  /** Given as text. */
  final class Text implements Secret {
    private static final Pattern CONNECTION =
        Pattern.compile("([a-z][a-z0-9+.-]*://|\\s*[a-z_]+\\s*=).*", Pattern.DOTALL);

    private final String text;

    private Text(String text) {
      this.text = text;
    }

    @Override
    public String shown(String key) {
      return SecretShape.isConnection(key) && CONNECTION.matcher(text).matches()
          ? Redaction.mask(text)
          : toString();
    }

    @Override
    public String reveal() {
      return text;
    }

    @Override
    public String toString() {
      return "***";
    }
  }

  /** In a file. */
  final class InFile implements Secret {
    private final Path file;
    private final String origin;

    private InFile(Path file, String origin) {
      this.file = file;
      this.origin = origin;
    }

    @Override
    public String reveal() {
      try {
        return nonEmpty(decode(Files.readAllBytes(file)), "is empty");
      } catch (NoSuchFileException e) {
        throw failed("does not exist", e);
      } catch (CharacterCodingException e) {
        throw failed("is not UTF-8 text", e);
      } catch (IOException e) {
        throw failed("cannot be read: " + Reason.of(e), e);
      }
    }

    private String nonEmpty(String text, String fault) {
      if (text.isEmpty()) {
        throw failed(fault, null);
      }
      return text;
    }

    private StetException failed(String fault, @Nullable Exception cause) {
      return new StetException(
          ErrorCode.CONFIGURATION,
          origin + ": the file " + file + " " + fault,
          "Put the secret into it, readable by the user that runs stet alone.",
          cause);
    }

    @Override
    public String toString() {
      return file.toString();
    }
  }

  /** Printed by a program. */
  final class FromCommand implements Secret {
    private final List<String> command;
    private final String origin;

    private FromCommand(List<String> command, String origin) {
      this.command = List.copyOf(command);
      this.origin = origin;
    }

    @Override
    public String reveal() {
      Process process;
      try {
        process =
            new ProcessBuilder(command)
                .redirectInput(ProcessBuilder.Redirect.INHERIT)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
      } catch (IOException e) {
        throw failed("cannot be run: " + ChildProcess.startFailure(e), e);
      }
      try (InputStream output = process.getInputStream()) {
        String text = decode(output.readAllBytes());
        int status = process.waitFor();
        if (status != 0) {
          throw failed("ended with exit status " + status, null);
        }
        if (text.isEmpty()) {
          throw failed("printed nothing", null);
        }
        return text;
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new StetException(ErrorCode.INTERRUPTED, "interrupted", null, e);
      } catch (CharacterCodingException e) {
        throw failed("printed something that is not UTF-8 text", e);
      } catch (IOException e) {
        throw failed("cannot be read from: " + e.getMessage(), e);
      } finally {
        process.destroy();
      }
    }

    private StetException failed(String fault, @Nullable Exception cause) {
      return new StetException(
          ErrorCode.CONFIGURATION,
          origin + ": the program " + command.getFirst() + " " + fault,
          "Run it by hand to see what is wrong.",
          cause);
    }

    /** The program alone: an argument may be a secret. */
    @Override
    public String toString() {
      return command.size() == 1 ? command.getFirst() : command.getFirst() + " …";
    }
  }

  private static String decode(byte[] bytes) throws CharacterCodingException {
    Charset charset = StandardCharsets.UTF_8;
    int mark = 0;
    if (startsWith(bytes, 0xef, 0xbb, 0xbf)) {
      mark = 3;
    } else if (startsWith(bytes, 0xfe, 0xff)) {
      charset = StandardCharsets.UTF_16BE;
      mark = 2;
    } else if (startsWith(bytes, 0xff, 0xfe)) {
      charset = StandardCharsets.UTF_16LE;
      mark = 2;
    }
    String text =
        charset.newDecoder().decode(ByteBuffer.wrap(bytes, mark, bytes.length - mark)).toString();
    return Restic.trim(text);
  }

  private static boolean startsWith(byte[] bytes, int... mark) {
    if (bytes.length < mark.length) {
      return false;
    }
    for (int i = 0; i < mark.length; i++) {
      if ((bytes[i] & 0xff) != mark[i]) {
        return false;
      }
    }
    return true;
  }
}
