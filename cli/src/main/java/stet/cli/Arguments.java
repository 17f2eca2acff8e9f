package stet.cli;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import stet.engine.posix.PosixPath;

/**
 * The arguments as they were given. The JVM decodes them by the locale, and what the locale does
 * not know is lost: each letter beyond ASCII under {@code LC_ALL=C}, and everywhere the bytes of
 * names that are not UTF-8.
 */
final class Arguments {
  private static final Path COMMAND_LINE = Path.of("/proc/self/cmdline");

  private Arguments() {}

  /** The arguments that the JVM decoded, exactly; as they are where the kernel tells no more. */
  static String[] exact(String... decoded) {
    if (Arrays.stream(decoded).allMatch(Arguments::isPlain)) {
      return decoded;
    }
    try {
      return exact(Files.readAllBytes(COMMAND_LINE), decoded);
    } catch (IOException e) {
      return decoded;
    }
  }

  /**
   * The arguments at the end of a command line: as UTF-8, or in the printable form of paths where
   * they are not.
   *
   * @param commandLine the words of the whole command line, each followed by NUL
   */
  static String[] exact(byte[] commandLine, String... decoded) {
    List<byte[]> words = new ArrayList<>();
    int start = 0;
    for (int i = 0; i < commandLine.length; i++) {
      if (commandLine[i] == 0) {
        words.add(Arrays.copyOfRange(commandLine, start, i));
        start = i + 1;
      }
    }
    if (words.size() < decoded.length) {
      return decoded;
    }
    List<byte[]> own = words.subList(words.size() - decoded.length, words.size());
    String[] exact = new String[decoded.length];
    for (int i = 0; i < exact.length; i++) {
      exact[i] = text(own.get(i));
      if (isPlain(decoded[i]) && !exact[i].equals(decoded[i])) {
        return decoded; // whatever started the JVM gave it other words
      }
    }
    return exact;
  }

  private static boolean isPlain(String argument) {
    return argument.chars().allMatch(c -> c < 0x80);
  }

  private static String text(byte[] word) {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(word)).toString();
    } catch (CharacterCodingException e) {
      return PosixPath.printable(word);
    }
  }
}
