package stet.engine.files;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import stet.engine.posix.PosixPath;

/** Where file systems and bind mounts begin, as this process sees them. */
final class Mounts {
  private static final Path TABLE = Path.of("/proc/self/mountinfo");

  /** Which field of a line is the path. */
  private static final int PATH_FIELD = 4;

  private Mounts() {}

  /** The mount points at or below a directory, which must be given by its real path. */
  static List<PosixPath> within(PosixPath directory) throws IOException {
    byte[] prefix = directory.bytes();
    List<PosixPath> found = new ArrayList<>();
    String table = new String(Files.readAllBytes(TABLE), StandardCharsets.ISO_8859_1);
    for (String line : table.split("\n", 0)) {
      String[] fields = line.split(" ", 0);
      if (fields.length > PATH_FIELD) {
        byte[] path = unescape(fields[PATH_FIELD]);
        boolean below =
            path.length >= prefix.length
                && Arrays.equals(path, 0, prefix.length, prefix, 0, prefix.length)
                && (path.length == prefix.length || path[prefix.length] == '/');
        if (below) {
          found.add(PosixPath.of(path));
        }
      }
    }
    return found;
  }

  /** Space, tab, line end and backslash are written as three octal digits. */
  private static byte[] unescape(String text) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '\\' && i + 3 < text.length()) {
        bytes.write(Integer.parseInt(text.substring(i + 1, i + 4), 8));
        i += 3;
      } else {
        bytes.write(c);
      }
    }
    return bytes.toByteArray();
  }
}
