package stet.cli.demo;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.stream.Stream;

/** What happens to the shop, here and as commands for a shell. */
final class Damage {
  private static final String INVOICES = "invoices/2024";
  private static final String PHOTO = "products/07/photo-00007.jpg";
  private static final int PHOTO_OFFSET = 4000;
  private static final String RUBBISH = "rubbish";

  private static final List<String> STATEMENTS =
      List.of(
          "drop table order_lines cascade",
          "update customers set email = 'lost-' || id, notes = null where id % 10 = 0",
          "delete from reviews where stars = 5",
          "select lo_unlink(content) from \"Back Office\".contracts where name = 'seal.bin'");

  private Damage() {}

  /** What is done, for people. */
  static List<String> description() {
    return List.of(
        "dropped the table order_lines and the two materialized views on it",
        "overwrote every tenth customer, deleted all reviews with five stars and a large object",
        "deleted the invoices of 2024, and overwrote "
            + RUBBISH.length()
            + " bytes of a photo without changing its time or size");
  }

  /** Does it. */
  static void run(Connection connection, Path media) throws SQLException, IOException {
    try (Statement statement = connection.createStatement()) {
      for (String sql : STATEMENTS) {
        statement.execute(sql);
      }
    }
    try (Stream<Path> walk = Files.walk(media.resolve(INVOICES))) {
      for (Path path : walk.toList().reversed()) {
        Files.delete(path);
      }
    }
    Path photo = media.resolve(PHOTO);
    var time = Files.getLastModifiedTime(photo);
    try (FileChannel channel = FileChannel.open(photo, StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.wrap(RUBBISH.getBytes(StandardCharsets.US_ASCII)), PHOTO_OFFSET);
    }
    Files.setLastModifiedTime(photo, time);
  }

  /**
   * The same as commands.
   *
   * @param pg the program that runs clients of the shop's database
   * @param media the directory, as the user names it
   */
  static List<String> commands(String pg, String media) {
    String photo = Shell.quote(media + "/" + PHOTO);
    return Stream.concat(
            STATEMENTS.stream().map(sql -> Shell.line(pg, "psql", "-qX", "-c", sql)),
            Stream.of(
                "rm -r " + Shell.quote(media + "/" + INVOICES),
                "printf "
                    + RUBBISH
                    + " | dd of="
                    + photo
                    + " bs=1 seek="
                    + PHOTO_OFFSET
                    + " conv=notrunc status=none"))
        .toList();
  }
}
