package stet.engine.files;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Map;
import java.util.TreeMap;
import stet.engine.posix.Directory;
import stet.engine.posix.Entry;
import stet.engine.posix.FileHandle;
import stet.engine.posix.PosixException;
import stet.engine.posix.PosixPath;
import stet.engine.posix.Stat;
import stet.repository.Id;

/**
 * All that can be seen of a tree, one line for each entry, to compare two trees by. Made without
 * the code under test, but for the calls themselves.
 */
final class TreeImage {
  private final Map<String, String> lines = new TreeMap<>();
  private final Map<String, String> firstNames = new TreeMap<>();

  private TreeImage() {}

  /** The entries below a directory, and itself under the name ".". */
  static Map<String, String> of(PosixPath path) throws IOException {
    TreeImage image = new TreeImage();
    try (Directory directory = Directory.open(path)) {
      image.lines.put(".", image.line(".", directory.stat(), attributes(directory), ""));
      image.add(directory, "");
    }
    return image.lines;
  }

  private void add(Directory directory, String prefix) throws IOException {
    for (Entry entry : directory.list()) {
      byte[] name = entry.name();
      String path = prefix + PosixPath.printable(name);
      Stat stat = directory.stat(name);
      String content = "";
      if (stat.isFile()) {
        try (FileHandle file = directory.openForReading(name)) {
          byte[] bytes = new byte[(int) stat.size()];
          content = file.read(bytes, 0, bytes.length) + " bytes " + Id.of(bytes).shortText();
        }
      } else if (stat.isSymlink()) {
        content = "-> " + PosixPath.printable(directory.readLink(name));
      } else if (stat.isCharacterDevice() || stat.isBlockDevice()) {
        content = "device " + stat.rawDevice();
      }
      lines.put(path, line(path, stat, attributes(directory, name), content));
      if (stat.isDirectory()) {
        try (Directory inner = directory.openDirectory(name)) {
          add(inner, path + "/");
        }
      }
    }
  }

  private String line(String path, Stat stat, String attributes, String content) {
    String link = "";
    if (!stat.isDirectory() && stat.links() > 1) {
      String first = firstNames.putIfAbsent(stat.device() + ":" + stat.inode(), path);
      link = " same as " + (first == null ? path : first);
    }
    return "%o %d:%d %s%s%s %s"
        .formatted(stat.mode(), stat.uid(), stat.gid(), stat.modified(), link, attributes, content);
  }

  private static String attributes(Directory directory) throws PosixException {
    StringBuilder text = new StringBuilder();
    for (String name : directory.attributes().stream().sorted().toList()) {
      append(text, name, directory.attribute(name));
    }
    return text.toString();
  }

  private static String attributes(Directory directory, byte[] entry) throws PosixException {
    StringBuilder text = new StringBuilder();
    for (String name : directory.attributes(entry).stream().sorted().toList()) {
      append(text, name, directory.attribute(entry, name));
    }
    return text.toString();
  }

  private static void append(StringBuilder text, String name, byte[] value) {
    text.append(" ").append(name).append("=").append(HexFormat.of().formatHex(value));
  }

  static byte[] name(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
