package stet.cli.demo;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributeView;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;

/** The shop's files: the same ones each time, with the names that give programs trouble too. */
final class Media {
  /** Files that rows of the shop name. */
  record Document(String path, long bytes, String sha256) {}

  private static final Instant FIRST = Instant.parse("2024-03-01T09:30:00.123456789Z");
  private static final int PHOTOS = 240;
  private static final int INVOICES = 160;

  private final Path root;
  private final Random random = new Random(1834);
  private final List<Document> documents = new ArrayList<>();
  private int made;

  private Media(Path root) {
    this.root = root;
  }

  /** Makes the tree and gives the files that rows are to name. */
  static List<Document> fill(Path root) {
    try {
      Media media = new Media(root);
      Files.createDirectory(root);
      media.fill();
      media.setTimes();
      return List.copyOf(media.documents);
    } catch (IOException e) {
      throw DemoDirectory.failed("cannot make the shop's files in " + root, e);
    }
  }

  private void fill() throws IOException {
    for (int i = 1; i <= PHOTOS; i++) {
      write("products/%02d/photo-%05d.jpg".formatted(i % 12, i), photo(8_000 + i * 463 % 90_000));
    }
    for (int i = 1; i <= INVOICES; i++) {
      String path =
          "invoices/%d/%02d/invoice-%06d.txt"
              .formatted(2023 + (i - 1) * 3 / INVOICES, 1 + i % 12, i);
      byte[] invoice = invoice(i);
      write(path, invoice);
      documents.add(new Document(path, invoice.length, sha256(invoice)));
    }
    write("videos/tour.mp4", photo(9 * 1024 * 1024 + 17));
    write("empty.txt", new byte[0]);
    write(".htaccess", "Options -Indexes\n".getBytes(StandardCharsets.UTF_8));
    write(".thumbnails/.cache/a.jpg", photo(900));
    write("größe – 尺寸 📷/Übersicht.txt", "α β γ\n".getBytes(StandardCharsets.UTF_8));
    write("two\nlines.txt", "its name has two lines\n".getBytes(StandardCharsets.UTF_8));
    write("it's \"quoted\" & $HOME\\.txt", "a name for a shell\n".getBytes(StandardCharsets.UTF_8));
    write("private/key.pem", "not for everyone\n".getBytes(StandardCharsets.UTF_8));
    mode("private/key.pem", "rw-------");
    mode("private", "rwxr-x---");
    write("bin/resize", "#!/bin/sh\nexit 0\n".getBytes(StandardCharsets.UTF_8));
    mode("bin/resize", "rwxr-xr-x");
    Files.createDirectories(root.resolve("incoming/empty"));
    Files.createLink(root.resolve("bin/resize-old"), root.resolve("bin/resize"));
    Files.createSymbolicLink(root.resolve("latest.jpg"), Path.of("products/00/photo-00240.jpg"));
    Files.createSymbolicLink(root.resolve("nowhere"), Path.of("not there"));
    Files.createSymbolicLink(root.resolve("products/all"), Path.of(".."));
  }

  private void write(String name, byte[] content) throws IOException {
    Path path = root.resolve(name);
    Path parent = path.getParent();
    if (parent != null) {
      Files.createDirectories(parent);
    }
    Files.write(path, content);
    Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rw-r--r--"));
  }

  private void mode(String name, String mode) throws IOException {
    Files.setPosixFilePermissions(root.resolve(name), PosixFilePermissions.fromString(mode));
  }

  /** Bytes that do not compress, as a photo's. */
  private byte[] photo(int length) {
    byte[] bytes = new byte[length];
    random.nextBytes(bytes);
    bytes[0] = (byte) 0xff;
    bytes[1] = (byte) 0xd8;
    return bytes;
  }

  private byte[] invoice(int number) {
    StringBuilder text = new StringBuilder("Invoice " + number + "\n\n");
    for (int line = 0; line < 20 + number; line++) {
      text.append(
          "%4d × article %05d %10.2f €%n"
              .formatted(
                  1 + random.nextInt(9), random.nextInt(3000), random.nextInt(99_999) / 100.0));
    }
    return text.toString().getBytes(StandardCharsets.UTF_8);
  }

  /** Sets all times, a directory's after those of what it holds. */
  private void setTimes() throws IOException {
    Files.walkFileTree(
        root,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            return setTime(file);
          }

          @Override
          public FileVisitResult postVisitDirectory(
              Path directory, @org.jspecify.annotations.Nullable IOException failure)
              throws IOException {
            if (failure != null) {
              throw failure;
            }
            return setTime(directory);
          }
        });
  }

  private FileVisitResult setTime(Path path) throws IOException {
    Instant time = FIRST.plusSeconds(86_413L * (made % 900)).plusNanos(1_000_003L * made);
    made++;
    Files.getFileAttributeView(path, BasicFileAttributeView.class, LinkOption.NOFOLLOW_LINKS)
        .setTimes(FileTime.from(time), null, null);
    return FileVisitResult.CONTINUE;
  }

  static String sha256(byte[] bytes) {
    return HexFormat.of().formatHex(sha256().digest(bytes));
  }

  static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  static String sha256(Path file) {
    try {
      return sha256(Files.readAllBytes(file));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
