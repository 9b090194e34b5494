  // The contract: aligned runs of at least a beat, a limit that holds still and lies in the host's range.
  reg [8:0] past_limit;
  always @(posedge clock) past_limit <= limit;
  always @* begin
    assume (limit != 0 && limit <= 256 && (limit << LOG2_BEAT) <= 4096);
    assume (first || limit == past_limit);
    assume (!go || (address[LOG2_BEAT-1:0] == 0 && beats != 0));
  end
  // The model: what is left of the run, and the burst that is due.
  reg [63:0] at;
  reg [23:0] left;
  wire [12:0] room = (13'd4096 - {1'b0, at[11:0]}) >> LOG2_BEAT;
  wire [12:0] most = room < limit ? room : limit;
  wire [23:0] due = left < most ? left : most;
  always @(posedge clock) begin
    if (offer) begin
      at <= at + (due << LOG2_BEAT);
      left <= left - due;
    end
    if (go && ready) begin
      at <= address;
      left <= beats;
    end
    if (reset) left <= 0;
  end
  wire [63:0] final_byte = next_q + ({55'd0, length} << LOG2_BEAT) - 1;
  always @* if (!first) begin
    assert (some_q == (left != 0));
    if (some_q) begin
      assert (at == next_q && left == left_q);
      assert (at[LOG2_BEAT-1:0] == 0);
      if (fits_q) assert (left <= most);
      if (!fits_q && measured_q) assert (most_q == most && left > most);
    end
    // What is queued is the burst that is due, and legal on AXI; the queue keeps it as it is.
    if (offer) begin
      assert (some_q && !waiting_full);
      assert (length == due && fits_q == (left == due));
      assert (length != 0 && length <= limit);
      assert (next_q[63:12] == final_byte[63:12]);
    end
    assert (ready == (!some_q || (offer && fits_q)));
  end
