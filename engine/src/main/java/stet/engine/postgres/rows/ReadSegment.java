package stet.engine.postgres.rows;

import java.util.List;
import stet.repository.Id;

/**
 * A segment whose rows have been read and saved.
 *
 * @param segment what its line in a {@code .segments} file says
 * @param blobs the blobs with its rows in order
 */
public record ReadSegment(SegmentList.Segment segment, List<Id> blobs) {}
