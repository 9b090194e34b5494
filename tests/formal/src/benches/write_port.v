  function legal(input [63:0] address, input [8:0] beats);
    reg [12:0] end_in_page;
    begin
      end_in_page = address[11:0] + (beats << LOG2_BEAT);
      legal = beats != 0 && beats <= 256 && address[LOG2_BEAT-1:0] == 0
        && (beats << LOG2_BEAT) <= 4096 && end_in_page <= 4096;
    end
  endfunction
  // The clients: legal bursts; beats that wait hold still, and the port changes hands only between beats.
  reg past_store, past_completion, past_last_s, past_last_c, past_completing;
  reg [DATA-1:0] past_data_s, past_data_c;
  always @(posedge clock) begin
    past_store <= store_valid && !store_ready;
    past_completion <= completion_valid && !completion_ready;
    past_last_s <= store_last;
    past_last_c <= completion_last;
    past_data_s <= store_data;
    past_data_c <= completion_data;
    past_completing <= completing;
  end
  always @* begin
    assume (!reset_any); // only when nothing is under way: then the start is one of them
    assume (!store_burst || legal(store_address, store_beats));
    assume (!completion_burst || legal(completion_address, completion_beats));
    if (!first) begin
      assume (!past_store || (store_valid && store_last == past_last_s && store_data == past_data_s));
      assume (!past_completion
        || (completion_valid && completion_last == past_last_c && completion_data == past_data_c));
      assume (completing == past_completing || !(past_waits_w));
    end
    assume (!bvalid || out != 0); // the bus answers what was asked
  end
  // The model: writes accepted and not answered.
  reg [9:0] out;
  always @(posedge clock) if (reset) out <= 0; else out <= out + (awvalid && awready) - bvalid;
  reg past_waits_a, past_waits_w, past_wlast;
  reg [63:0] past_addr;
  reg [7:0] past_len;
  reg [DATA-1:0] past_wdata;
  always @(posedge clock) begin
    past_waits_a <= awvalid && !awready && !reset;
    past_addr <= awaddr;
    past_len <= awlen;
    past_waits_w <= wvalid && !wready;
    past_wdata <= wdata;
    past_wlast <= wlast;
  end
  always @* if (!first) begin
    if (past_waits_a) begin
      assert (awvalid);
      assert (awaddr == past_addr && awlen == past_len);
    end
    if (awvalid) assert (legal(awaddr, {1'b0, awlen} + 9'd1));
    if (past_waits_w) begin
      assert (wvalid);
      assert (wdata == past_wdata && wlast == past_wlast);
    end
    // A beat goes to one of the two, and is taken from the one it came from.
    assert (store_ready == (wready && !completing));
    assert (completion_ready == (wready && completing));
    assert (!(store_burst_ready && completion_burst_ready));
    if (store_burst_ready) assert (!completing);
    if (completion_burst_ready) assert (completing);
    // Every burst has an entry until its response, never more than the bound.
    assert (out <= UNDER_WAY);
    assert (held == out + awvalid);
    assert (held <= UNDER_WAY);
    assert (busy == (held != 0));
    if (bvalid && bresp[1]) assert (error);
    if (error) assert (bvalid && bresp[1]);
  end
