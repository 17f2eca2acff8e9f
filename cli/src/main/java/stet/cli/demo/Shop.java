package stet.cli.demo;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;

/** The shop's database. */
final class Shop {
  private Shop() {}

  /**
   * Fills the empty database.
   *
   * @param documents the files that rows are to name
   */
  static void fill(Connection connection, List<Media.Document> documents) throws SQLException {
    connection.setAutoCommit(false);
    try (Statement statement = connection.createStatement();
        PreparedStatement insert =
            connection.prepareStatement(
                "insert into documents (customer_id, file, bytes, sha256) values (?, ?, ?, ?)")) {
      statement.execute(script());
      int customer = 1001;
      for (Media.Document document : documents) {
        insert.setLong(1, customer++);
        insert.setString(2, document.path());
        insert.setLong(3, document.bytes());
        insert.setString(4, document.sha256());
        insert.addBatch();
      }
      insert.executeBatch();
      connection.commit();
      statement.execute("analyze");
      connection.commit();
    } finally {
      connection.rollback();
      connection.setAutoCommit(true);
    }
  }

  /** The bytes that the database takes. */
  static long size(Connection connection) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet result = statement.executeQuery("select pg_database_size(current_database())")) {
      result.next();
      return result.getLong(1);
    }
  }

  private static String script() {
    try (InputStream input = Shop.class.getResourceAsStream("shop.sql")) {
      if (input == null) {
        throw new IllegalStateException("the build left no shop.sql");
      }
      return new String(input.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
