  // The contract: aligned runs, a limit that holds still and lies in the host's range, a new run only when ready.
  reg [8:0] past_limit;
  reg past_waits, past_ready, past_go;
  reg [63:0] past_address;
  reg [8:0] past_beats;
  reg past_last;
  always @(posedge clock) begin
    past_limit <= limit;
    past_waits <= burst_valid && !burst_ready && !reset && !go;
    past_address <= burst_address;
    past_beats <= burst_beats;
    past_last <= burst_last;
  end
  always @* begin
    assume (limit != 0 && limit <= 256 && (limit << LOG2_BEAT) <= 4096);
    assume (first || limit == past_limit);
    assume (!(go && !ready));
    assume (!go || address[LOG2_BEAT-1:0] == 0);
  end
  // The model: what is left of the run.
  reg [63:0] at;
  reg [23:0] left;
  always @(posedge clock) begin
    if (burst_valid && burst_ready) begin
      at <= at + ({55'd0, burst_beats} << LOG2_BEAT);
      left <= left - burst_beats;
    end
    if (go) begin
      at <= address;
      left <= beats;
    end
    if (reset) left <= 0;
  end
  wire [63:0] final_byte = burst_address + ({55'd0, burst_beats} << LOG2_BEAT) - 1;
  wire [63:0] next_byte = final_byte + 1;
  always @* if (!first) begin
    // A run's bursts are the run.
    assert (left == left_q);
    assert (burst_valid == (left != 0));
    if (burst_valid) begin
      assert (at == next_q);
      assert (burst_address == at);
      assert (at[LOG2_BEAT-1:0] == 0);
      assert (burst_beats <= left);
      assert (burst_last == (burst_beats == left));
      // Legal on AXI.
      assert (burst_beats != 0 && burst_beats <= limit);
      assert (burst_address[63:12] == final_byte[63:12]);
      // As long as it may be.
      assert (burst_last || burst_beats == limit || next_byte[11:0] == 0);
    end
    if (past_waits) begin
      assert (burst_valid);
      assert (burst_address == past_address && burst_beats == past_beats && burst_last == past_last);
    end
    assert (ready == (!burst_valid || (burst_ready && burst_last)));
  end
